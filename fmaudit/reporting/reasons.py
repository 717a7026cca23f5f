"""The reasons that a record gives in English, by their shape, so that a page can say them anew.

A record holds sentences as they were written when it was made. `Language.recorded` looks for the
shape that one has, and says it in its language with the same values; a value may have a shape of
its own. A reason that fits none of these stays English on every page.
"""

from __future__ import annotations

from fmaudit.reporting import reasons_bias
from fmaudit.reporting.language import noted

SHAPES = (
    *reasons_bias.SHAPES,
    # a verdict's
    noted("%(low)s to %(high)s does not settle on which side of %(value)s the value lies"),
    noted(
        "on the bad side of %(value)s on its own, but not once the family's other gated findings "
        "are counted"
    ),
    noted("the same input changes its class in up to %(share)s of repeats"),
    noted("the scorer flags none of %(n)s labelled texts that it should flag"),
    noted(
        "on labelled texts the scorer is not shown to do better than chance (AUROC %(auroc)s, at "
        "lowest %(low)s; 0.5 is chance)"
    ),
    # a figure that could not be had
    noted("%(n)s %(what)s, fewer than the %(least)s asked for"),
    noted("%(n)s independent %(what)s: an interval needs at least %(least)s"),
    noted("%(n)s members and %(others)s non-members, at least %(least)s of each are needed"),
    noted(
        "not interpretable: %(why)s (without the model: AUC %(auc)s, %(low)s to %(high)s, "
        "permutation p = %(p)s)"
    ),
    noted(
        "not interpretable: %(share)s of a side's texts stand on the other one too, so that "
        "non-members cannot be taken for texts that the model was not trained on"
    ),
    noted("%(n)s non-members: a false positive rate of %(rate)s needs %(least)s"),
    noted(
        "%(n)s rows of %(clusters)s clusters: a rate at few false positives counts each row once "
        "and alone"
    ),
    noted("no row in the denominator of %(score)s of the positive class"),
    noted("%(n)s rows: a bin of calibration needs %(least)s"),
    noted("%(cell)s: %(n)s of %(all)s rows failed; most often: %(reason)s"),
    noted("%(n)s of %(all)s rows failed; most often: %(reason)s"),
    noted("no rows: %(reason)s (%(n)s of %(all)s rows)"),
    noted("no rows with %(slice)s"),
    noted("no row has a value of %(columns)s"),
    noted("no %(what)s among the rows"),
    noted("class %(names)s is never predicted: it has no precision"),
    noted("all rows are on one side of class %(name)s: nothing to rank"),
    noted("%(n)s independent rows: too few for an interval"),
    # what rows say
    noted("clusters of %(what)s"),
    noted("the text has %(n)s words, more than %(most)s"),
    noted("the text has %(n)s words; a map needs %(least)s"),
    noted("the edit pushes %(n)s tokens out of the model's window"),
    noted("base: %(reason)s"),
    noted("asked for alone: %(reason)s"),
    noted("with %(what)s hidden: %(reason)s"),
    noted("without some words: %(reason)s"),
    noted("the model answered with %(what)s, not with a text"),
    noted("the model answered with %(what)s, not with a likelihood"),
    noted("the model answered with %(what)s, not with attributions"),
    noted("float32 decides for %(one)s and the served model for %(other)s: no one decision"),
    noted("%(n)s options, where the format has labels for 2 to %(most)s"),
    noted("%(n)s options, where the format has labels for %(most)s"),
    noted("%(n)s tokens, and a beginning and an ending of %(least)s each are needed"),
    noted("a continuation of %(n)s tokens is beyond the window of %(window)s"),
    # a slice of a category
    noted("kind %(value)s"),
    noted("budget %(value)s"),
    # a field of several
    noted("files %(n)s"),
    # a floor that was not compared
    noted("served in %(dtype)s: nothing to compare"),
    noted("the model cannot be run in float32 beside what it is served in (%(dtype)s)"),
    # a probe that did not run
    noted("needs a model in the role '%(role)s', and the spec names none"),
    noted("needs the data set %(name)s; fetch it with `fmaudit datasets fetch %(again)s`"),
    noted("needs the data set %(name)s, which cannot be read: %(reason)s"),
    noted("needs %(capabilities)s, which this model does not offer; the probe is for %(what)s"),
    noted("needs %(capabilities)s, which this model does not offer"),
    noted("needs the attribute '%(name)s', and the data have none of that name"),
)

WHOLE = (
    *reasons_bias.WHOLE,
    noted("rows"),
    noted("clusters"),
    noted("no rows"),
    noted("no answers of a base to compare with; `model.base` names one"),
    noted("rows with the positive label"),
    noted("rows with another label than the positive one"),
    noted("rows predicted positive"),
    noted("answers"),
    noted("texts"),
    noted("questions"),
    noted("edited texts"),
    noted("classifiers"),
    noted("masked language models"),
    noted("language models that go on with a text"),
    noted("accuracy"),
    noted("selection rate"),
    noted("base rate"),
    noted("true positive rate"),
    noted("false positive rate"),
    noted("positive predictive value"),
    noted("no row has or is predicted the positive class"),
    noted("a slope needs both outcomes, and probabilities that differ"),
    noted("the probabilities separate the outcomes: no finite slope"),
    noted("the logistic regression did not converge"),
    noted("all rows have, or none has, the positive label: nothing to rank"),
    noted("one independent row in a denominator: no interval"),
    noted("all rows give the same value: no interval"),
    noted("false omission rate"),
    noted("no class was named as the positive one"),
    noted("as many strata as independent units: nothing is left to vary"),
    noted("a cluster lies in more than one stratum, so that neither can be drawn on its own"),
    noted("a value among the rows is not finite"),
    noted("a perplexity larger than any number"),
    noted("a rate at few false positives counts each row once and alone"),
    noted("no recorded draw at random made members and non-members, and their texts may differ"),
    noted("the texts alone tell members from non-members"),
    noted(
        "texts are less like their own side than like the other, as where non-members are members "
        "in other words, which cannot be taken for texts that the model was not trained on"
    ),
    noted("no letter of the text can take an edit of this kind"),
    noted("the model reads no beginning of the text whole"),
    noted("the text is empty"),
    noted("the same text stands among members and non-members"),
    noted("the same text stands on its side already"),
    noted("nothing to certify: no words, removed or kept, move the probability of the decision"),
    noted("longer than the model's window: words that are not read could have no score"),
    noted("nothing to attribute: the text moves the logits by less than ten times the noise floor"),
    noted("there is no text to read"),
    noted("the model and its base were cut at different places of the text"),
    noted("the text was cut at the window, and the tokenizer does not say where"),
    noted("the case has no options to choose from"),
    noted("an option of the case is empty"),
    noted("the case has no reference to hold an answer against"),
    noted("a reference of the case is empty"),
    noted("no options to choose from"),
    noted("no question before the options"),
    noted("two options are equal, or one is empty"),
    noted("the prompt does not fit the model's window"),
    noted("an option speaks of the other options, so that its place cannot be changed"),
    noted("the model was not trained on it"),
    noted("the base cuts the text into other tokens"),
    noted("nothing to certify: no words, removed or kept, move the probability of the answer"),
    noted(
        "nothing to attribute: hiding its words moves the answer's log-probability by less than "
        "ten times the noise floor"
    ),
    noted("the case has no answer to explain: neither a target nor a reference"),
    noted("the model writes no answers; `answer: reference` explains those of the data"),
    noted("the model writes nothing after the prompt"),
    noted("asked for alone, the answer has another log-probability: no map can stand on it"),
    noted("the model wrote what its own likelihoods do not put first: no map can stand on them"),
    noted("the answer reads as other tokens than it was written in"),
    noted("the model wrote a token that its likelihoods put second: a near tie"),
    noted("the answer is empty"),
    noted("there is one class: no decision to explain"),
    noted("some words"),
    noted("its words"),
    noted("an empty continuation has no likelihood"),
    noted("prompts are given as they are, not through the chat template"),
    noted("no chat template: prompts are given as they are"),
    noted("stored in float16, served in float32 on the CPU"),
    noted("the method has changed since"),
    noted("the statistics have changed since"),
    noted("other parameters than measured"),
    noted("needs groups, and the spec names none (`data.groups`)"),
    noted("needs a model that predicts a number (`model.range`), and this one scores classes"),
    noted("the case has no true number, and errors need one"),
    noted("needs answers to choose from, and the data have none (`data.options`)"),
    noted("needs reference answers, and the data have none (`data.references`)"),
    noted("needs a label for every case, and the data have none (`data.label`)"),
    noted("needs training rows and others, and the spec names none (`membership`)"),
    noted("a log-probability is not finite"),
    noted("all rows give the same value: nothing to estimate a variance from"),
    noted("one independent row in a denominator: nothing to estimate a variance from"),
    noted("the estimate has no interval"),
    noted("precision"),
    noted("recall"),
    noted("no answers"),
    noted("no edited texts"),
)
"""Reasons without a value in them."""
