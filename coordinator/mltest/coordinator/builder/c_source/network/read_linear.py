"""Reads linear models of scikit-learn, with the scalers before them; in the builder's child only."""

from mltest.coordinator.builder.c_source.network.form import Ending, Layer, Link, Network, whole
from mltest.coordinator.builder.c_source.network.read_scaling import scalings_of
from mltest.coordinator.builder.c_source.network.refusal import refusal
from mltest.coordinator.builder.linear_weights import linear_form_of, weights_of
from mltest.coordinator.builder.scaling import steps_and_final
from mltest.shared.errors import ConversionError
from mltest.shared.native.outputs import NativeModel


def linear_network(native: NativeModel, *, folds: bool) -> Network:
    """Return one layer, whose weights answer as the model does.

    `folds` puts what scalers do into the weights; else they stay before them, so that weights are of similar size.

    Raises:
        ConversionError: it is no linear model, or does more than a link of one matrix product.

    """
    try:
        form = linear_form_of(native)
    except ConversionError as error:
        raise refusal(str(error.facts["detail"])) from error
    steps, final = steps_and_final(native.estimator)
    weights, intercept = form.weights, form.intercept
    if not folds:
        weights, intercept = weights_of(final, native.feature_count)
    return Network(
        feature_count=native.feature_count,
        input_type="float64",
        scalings=() if folds else scalings_of(steps, native.feature_count),
        layers=(
            Layer(
                input_count=native.feature_count,
                pieces=whole(tuple(map(tuple, weights.T.tolist()))),
                bias=tuple(intercept.tolist()),
                is_exact=True,
            ),
        ),
        ending=Ending(output=native.output.value, link=Link(form.link)),
    )
