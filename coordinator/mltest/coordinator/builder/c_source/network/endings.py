"""How the last sums become the answer of a call, in C; and, where that is a label, its scores. Pure."""

from mltest.coordinator.builder.c_source.literals import number_literal, table_lines
from mltest.coordinator.builder.c_source.network.form import Link, Network, Votes

LABELS = "labels"
_EACH = "    for (size_t i = 0; i < SUMS; i++)"


def score_count(network: Network) -> int:
    """Return how many scores a row has."""
    votes = network.ending.votes
    if votes is None:
        return 2 if network.ending.link is Link.LOGISTIC else network.sum_count
    if votes.slopes:
        return votes.class_count
    if votes.class_count == 2:
        return 1
    return votes.class_count if votes.against_rest else _pair_count(votes)


def output_count(network: Network) -> int:
    """Return how many values a call writes for a row."""
    return 1 if network.ending.output == LABELS else score_count(network)


def needs_exponential(network: Network) -> bool:
    """Return whether the ending takes exponentials."""
    votes = network.ending.votes
    return bool(votes.slopes) if votes else network.ending.link is not Link.IDENTITY


def ending_lines(network: Network) -> list[str]:
    """Return C that defines `scores_of(sums, out)` and, where labels are answered, `label_of(sums)`."""
    votes = network.ending.votes
    if votes is None:
        return [*_scores(network.ending.link), *(_label() if network.ending.output == LABELS else [])]
    return [*_decisions(votes), *_scores_by_votes(votes), *_label_by_votes(votes)]


def _scores(link: Link) -> list[str]:
    return ["static void scores_of(const double *sums, double *out) {", *_LINKS[link], "}", ""]


_LINKS = {
    Link.IDENTITY: [_EACH, "        out[i] = sums[i];"],
    Link.EXPONENTIAL: [_EACH, "        out[i] = exp_double(sums[i]);"],
    Link.LOGISTIC: ["    out[1] = logistic_double(sums[0]);", "    out[0] = 1 - out[1];"],
    Link.SOFTMAX: [
        "    double largest = sums[0], total = 0;",
        _EACH,
        "        largest = sums[i] > largest ? sums[i] : largest;",
        _EACH,
        "        total += out[i] = exp_double(sums[i] - largest);",
        _EACH,
        "        out[i] /= total;",
    ],
    Link.ONE_AGAINST_REST: [
        "    double total = 0;",
        _EACH,
        "        total += out[i] = logistic_double(sums[i]);",
        _EACH,
        "        out[i] /= total;",
    ],
}


def _label() -> list[str]:
    """Return the label of sums that are decisions: one is positive for the second class, of many the largest counts."""
    return [
        "static size_t label_of(const double *sums) {",
        "    if (SUMS == 1)",
        "        return sums[0] > 0;",
        "    size_t best = 0;",
        "    for (size_t i = 1; i < SUMS; i++)",
        "        best = sums[i] > sums[best] ? i : best;",
        "    return best;",
        "}",
        "",
    ]


def _pair_count(votes: Votes) -> int:
    return votes.class_count * (votes.class_count - 1) // 2


_EACH_PAIR = [
    "    for (size_t i = 0; i < CLASSES; i++)",
    "        for (size_t j = i + 1; j < CLASSES; j++, pair++) {",
]


def _decisions(votes: Votes) -> list[str]:
    """Return what `decisions_of` makes of the sums: a decision for each pair, positive for the first of the two."""
    body = [
        "    size_t pair = 0;",
        *_EACH_PAIR,
        "            decisions[pair] = sums[i * (CLASSES - 1) + j - 1] + sums[j * (CLASSES - 1) + i];",
        "        }",
    ]
    copied = ["    for (size_t pair = 0; pair < PAIRS; pair++)", "        decisions[pair] = sums[pair];"]
    return [
        f"enum {{ CLASSES = {votes.class_count}, PAIRS = {_pair_count(votes)} }};",
        "",
        "static inline void decisions_of(const double *sums, double *decisions) {",
        *(body if votes.is_grouped else copied),
        "}",
        "",
    ]


def _scores_by_votes(votes: Votes) -> list[str]:
    if votes.slopes:
        return _coupled(votes)
    if votes.class_count == 2:
        body = ["    out[0] = -decisions[0];"]
    elif votes.against_rest:
        return _against_rest()
    else:
        body = ["    for (size_t pair = 0; pair < PAIRS; pair++)", "        out[pair] = decisions[pair];"]
    return [*_OF_DECISIONS, *body, "}", ""]


_OF_DECISIONS = [
    "static void scores_of(const double *sums, double *out) {",
    "    double decisions[PAIRS];",
    "    decisions_of(sums, decisions);",
]


def _against_rest() -> list[str]:
    return [
        *_OF_DECISIONS,
        "    double totals[CLASSES] = {0}, votes[CLASSES] = {0};",
        "    size_t pair = 0;",
        *_EACH_PAIR,
        "            totals[i] += decisions[pair];",
        "            totals[j] -= decisions[pair];",
        "            votes[decisions[pair] < 0 ? j : i] += 1;",
        "        }",
        "    for (size_t i = 0; i < CLASSES; i++)",
        "        out[i] = votes[i] + totals[i] / (3 * (fabs(totals[i]) + 1));",
        "}",
        "",
    ]


def _label_by_votes(votes: Votes) -> list[str]:
    if votes.breaks_ties:
        return [
            "static size_t label_of(const double *sums) {",
            "    double scores[CLASSES];",
            "    scores_of(sums, scores);",
            "    size_t best = 0;",
            "    for (size_t i = 1; i < CLASSES; i++)",
            "        best = scores[i] > scores[best] ? i : best;",
            "    return best;",
            "}",
            "",
        ]
    return [
        "static size_t label_of(const double *sums) {",
        "    double decisions[PAIRS];",
        "    unsigned votes[CLASSES] = {0};",
        "    size_t pair = 0, best = 0;",
        "    decisions_of(sums, decisions);",
        *_EACH_PAIR,
        "            votes[decisions[pair] > 0 ? i : j]++;",
        "        }",
        "    for (size_t i = 1; i < CLASSES; i++)",
        "        best = votes[i] > votes[best] ? i : best;",
        "    return best;",
        "}",
        "",
    ]


def _coupled(votes: Votes) -> list[str]:
    """Return the probabilities of all classes from those of pairs.

    Source: Wu, Lin and Weng 2004, "Probability Estimates for Multi-class Classification by Pairwise Coupling", second
    method, with the limits and the ends of libsvm's multiclass_probability.
    """
    tables = (("SLOPES", votes.slopes), ("OFFSETS", votes.offsets))
    return [
        *(
            line
            for name, values in tables
            for line in (
                f"static const double {name}[PAIRS] = {{",
                *table_lines(number_literal(value, "float64") for value in values),
                "};",
                "",
            )
        ),
        *_OF_DECISIONS,
        "    double shares[CLASSES][CLASSES], q[CLASSES][CLASSES], products[CLASSES], *p = out;",
        "    size_t pair = 0;",
        *_EACH_PAIR,
        "            double share = logistic_double(-(decisions[pair] * SLOPES[pair] + OFFSETS[pair]));",
        "            share = share < 1e-7 ? 1e-7 : share > 1 - 1e-7 ? 1 - 1e-7 : share;",
        "            shares[i][j] = share;",
        "            shares[j][i] = 1 - share;",
        "        }",
        *_COUPLING,
        "}",
        "",
    ]


_COUPLING = """\
    for (size_t t = 0; t < CLASSES; t++) {
        p[t] = 1.0 / CLASSES;
        q[t][t] = 0;
        for (size_t j = 0; j < CLASSES; j++)
            if (j != t) {
                q[t][t] += shares[j][t] * shares[j][t];
                q[t][j] = -shares[j][t] * shares[t][j];
            }
    }
    for (int round = 0; round < (CLASSES > 100 ? CLASSES : 100); round++) {
        double total = 0, worst = 0;
        for (size_t t = 0; t < CLASSES; t++) {
            products[t] = 0;
            for (size_t j = 0; j < CLASSES; j++)
                products[t] += q[t][j] * p[j];
            total += p[t] * products[t];
        }
        for (size_t t = 0; t < CLASSES; t++)
            worst = fabs(products[t] - total) > worst ? fabs(products[t] - total) : worst;
        if (worst < 0.005 / CLASSES)
            break;
        for (size_t t = 0; t < CLASSES; t++) {
            double step = (total - products[t]) / q[t][t], whole = 1 + step;
            p[t] += step;
            total = (total + step * (step * q[t][t] + 2 * products[t])) / whole / whole;
            for (size_t j = 0; j < CLASSES; j++) {
                products[j] = (products[j] + step * q[t][j]) / whole;
                p[j] /= whole;
            }
        }
    }""".splitlines()
