"""Figures, intervals and verdicts: arrays and a generator in, an `Estimate` out.

    sample        the rows of a slice, with their weights, clusters and strata
    variance      how a weighted sum varies over clusters and strata
    intervals     closed forms over plain arrays (Wilson, Newcombe/MOVER, Bonett-Price, t)
    estimates     those closed forms as `Estimate`s of a proportion, a mean, a smooth figure
    groups        rates of several cells at once, and the simultaneous rule over their pairs
    permutation   the null distribution of a gap
    measures/     the named figures
    multiplicity, power, verdicts     what follows from the estimates

Nothing here knows a model, a probe or a file.
"""
