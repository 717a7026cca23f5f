"""Reasons of the bias methods and of figures that compare groups; see `reasons`.

Those that name several groups come first: each of the others would find itself in their middle.
"""

from __future__ import annotations

from fmaudit.reporting.language import noted

SHAPES = (
    # of several groups, each with a reason of its own
    noted("fewer than two groups with an estimable %(rate)s (%(reasons)s)"),
    noted("fewer than two groups with an estimable %(rate)s"),
    noted("fewer than two groups that have the figure (%(reasons)s)"),
    noted("no level of the control feature has two groups to compare (%(reasons)s)"),
    noted("%(name)s: %(n)s %(what)s, fewer than the %(least)s asked for; %(more)s"),
    noted("%(name)s: %(n)s %(what)s, fewer than the %(least)s asked for"),
    # a figure of groups, of words or of texts
    noted("fewer than two categories that are %(least)s of the rows"),
    noted("%(n)s comparisons of groups, more than %(most)s"),
    noted(
        "none of %(n)s rows is of a known category; `params` name the columns of `data.groups` "
        "that hold them"
    ),
    noted("fewer than two categories: %(known)s known, %(unknown)s of %(n)s rows of none"),
    noted("%(share)s of the data, under %(least)s: not compared"),
    noted("not estimable: no case is of both; the first %(n)s of %(all)s such are named"),
    noted("%(n)s words of the list %(list)s, fewer than the %(least)s asked for"),
    noted("%(n)s words of the list %(list)s are left, fewer than the %(least)s needed"),
    noted("X %(x)s, Y %(y)s, A %(a)s, B %(b)s"),
    noted(
        "%(one)s and %(other)s independent texts to tell apart, at least %(least)s of each are "
        "needed"
    ),
    # what rows say
    noted("swap: %(reason)s"),
    noted("control: %(reason)s"),
    noted("the case has no value of %(attribute)s"),
    noted("the text has no %(attribute)s term"),
    noted("the case's condition is neither %(one)s nor %(other)s (group condition)"),
    noted("no word for %(term)s in %(group)s"),
    noted("the case has %(n)s options, and a pair of sentences has two"),
    noted("%(n)s tokens of a sentence do not fit the model's window"),
    noted("the case has %(n)s options, and such a question has three at least"),
    noted("%(n)s tokens of the question do not fit the model's window"),
    noted("there is no template in the language '%(language)s'"),
    noted("a text of %(n)s tokens is beyond the window of %(window)s"),
    noted("the model has %(n)s layers, and no layer %(layer)s"),
    noted("impossible: %(word)s with %(group)s, of one person"),
    noted("impossible: %(word)s with %(group)s"),
    noted("the model answered with %(what)s, not with likelihoods"),
    noted("the model answered with %(what)s, not with tokens"),
    noted("the model answered with %(what)s, not with a vector"),
    noted("the model answered with %(what)s, not with logits"),
    noted("%(n)s logits for %(classes)s classes"),
    noted("%(n)s likelihoods for two sentences"),
    noted("the case has %(n)s options, and a text about another group has two"),
    noted("no wording in the language '%(language)s' (`params: {wordings: …}`)"),
    noted("fewer than %(least)s frames with every descriptor"),
    noted("the scorer %(name)s: %(reason)s"),
    noted("answer: %(reason)s"),
    noted("swap answer: %(reason)s"),
    noted("control answer: %(reason)s"),
    noted("the text has %(n)s places to fill, and one is asked for"),
    noted("%(n)s tokens of the text do not fit the model's window"),
    noted("%(n)s likelihoods for three sentences"),
    noted("the case has %(n)s sentences, and an item has three"),
    noted("the context has %(n)s blanks, and one is filled"),
    # a slice of a category
    noted("attribute %(value)s"),
    noted("direction %(value)s"),
    noted("refers_to %(value)s"),
    noted("stereotype %(value)s"),
    noted("frame %(value)s, stereotype %(other)s"),
    noted("frame %(value)s"),
)

WHOLE = (
    noted("all the words are associated alike: their spread is 0"),
    noted("words of several tests: a figure is of one"),
    noted("the words of a test count alike, and these have weights"),
    noted("a word stands in both lists of targets"),
    noted("the word is not in the model's vocabulary"),
    noted("the word's vector is 0 and has no direction"),
    noted("the word takes more than one token"),
    noted("the case names no test, or no list of it (X, Y, A or B)"),
    noted("the text has no token of its own"),
    noted("the hidden states are not finite"),
    noted("sentence pairs"),
    noted("no sentence pairs"),
    noted("occupations"),
    noted("no occupations"),
    noted("every pair is a tie"),
    noted("all occupations have the same value"),
    noted("no stereotype about men"),
    noted("no stereotype about women"),
    noted("a ratio larger than any number"),
    noted("the tokenizer cuts the two words into different numbers of tokens"),
    noted("the two sentences differ in more than one token, and one alone is hidden"),
    noted("the case is no single text"),
    noted("the case goes with no stereotype that the card names"),
    noted("questions with an ambiguous text"),
    noted("no questions with an ambiguous text"),
    noted("answers to disambiguated questions that name a person"),
    noted("no answers to disambiguated questions that name a person"),
    noted("no answers to disambiguated questions that name a person, by the base"),
    noted("the case does not say which option is the unknown one (group unknown)"),
    noted("the case does not say which option is right"),
    noted("the unknown option cannot be the stereotyped one"),
    noted("the unknown option is right where the text is ambiguous, and only there"),
    noted("fewer than two groups are left to compare"),
    noted("the rate is 0 in every group: their ratio does not exist"),
    noted("fewer than two groups that have the figure"),
    noted("fewer than two groups that have all the rates"),
    noted("fewer than two groups have enough rows there"),
    noted("the rate is 0 in every category: their ratio does not exist"),
    noted("nobody is of this category: not estimable"),
    noted("not estimable: no case is of both"),
    noted("no false positives: their ratio does not exist"),
    noted("every row has the favourable label and is refused: no mean benefit"),
    noted("a sum of squares over groups has no interval near 0; see the permutation p"),
    noted(
        "Local Law 144 names no threshold; put a rule of your own on demographic_parity_ratio of "
        "bias.group_outcomes"
    ),
    noted("no control feature is named: write its column in data.groups and in params.control"),
    noted("rows that are not predicted positive"),
    noted("no favourable class is named (`data.positive`)"),
    noted("no neutral control: the text has too few neutral words of the swap's sizes"),
    noted("the case has no label, and error rates need one"),
    noted("the case belongs to no group"),
    noted("the tokenizer reads two different sentences alike"),
    noted("the case has no groups `attribute` and `group`: nothing says what is described"),
    noted("the sentence does not fit the model's window"),
    noted("a statement does not fit the model's window"),
    noted("the model wrote nothing"),
    noted("there is no answer"),
    noted("no two descriptors in the same frames"),
    noted("a share of tests, not of rows"),
    noted("all labelled texts are of one kind: nothing to rank"),
    noted("the two sentences share no token"),
    noted("the case has a text before its options, and whole sentences are compared"),
    noted("no rows with the positive label"),
    noted("no rows with another label than the positive one"),
    noted("no rows predicted positive"),
    noted("no rows that are not predicted positive"),
    noted("no texts"),
    noted("answers to disambiguated questions that name a person, by the base"),
    noted(
        "the stereotype score lies within two standard errors of 0.5, where the index has its "
        "peak: limits would be too narrow"
    ),
    noted("a group's texts are ranked all the wrong way round: its AUC is 0"),
    noted(
        "no class of the model, or every one, is called as toxic texts are; name its classes in "
        "the spec (`params: {toxic: [...]}`)"
    ),
    noted("a logit is not finite"),
    noted("nothing was resampled"),
    noted("the case does not say whether its sentences fill its context or follow it (`task`)"),
    noted("two of the three sentences are equal"),
    noted("a sentence without a token has no likelihood"),
    noted("the sentences follow their context and fill no blank: that takes next-sentence scores"),
    noted("the context has no BLANK to fill"),
    noted("a sentence is not its context with the blank filled"),
    noted("a token of a sentence runs across the edge of what fills the blank"),
    noted("the tokenizer reads nothing where the blank is filled"),
    noted("the tokenizer cuts a term otherwise where its end is left out"),
    noted("the model scored other tokens than it was asked for"),
    noted(
        "the model's tokenizer does not say where its tokens stand, so that special ones cannot be "
        "told from the others"
    ),
    noted(
        "the model's tokenizer does not say where its tokens stand, so that those of a term cannot "
        "be told from the others"
    ),
)
"""Reasons without a value in them."""
