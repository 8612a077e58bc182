"""Metrics of what a model is worth: quality, change of quality, fairness, properties, robustness."""

from mltest.shared.metric import Better, Metric

_L, _H, _N = Better.LOWER, Better.HIGHER, Better.NEITHER

_QUALITY = (
    Metric("accuracy", "1", _H, "share of rows with the right label"),
    Metric("balanced_accuracy", "1", _H, "mean of the recall of each class"),
    Metric("precision", "1", _H, "true positives among the positives said"),
    Metric("recall", "1", _H, "true positives among the true"),
    Metric("f1", "1", _H, "harmonic mean of precision and recall"),
    Metric("mcc", "1", _H, "Matthews' correlation coefficient, -1 to 1"),
    Metric("roc_auc", "1", _H, "area under the receiver operating characteristic; one against the rest, macro"),
    Metric("pr_auc", "1", _H, "average precision; one against the rest, macro"),
    Metric("log_loss", "1", _L, "negative mean log-likelihood of the true class, in nats"),
    Metric("brier", "1", _L, "mean squared error of class probabilities, summed over classes, halved for two"),
    Metric("calibration_error", "1", _L, "expected calibration error, 15 bins of the largest probability"),
    Metric("confusion_count", "count", _N, "rows of one true class with one predicted class"),
    Metric("roc_recall", "1", _H, "recall of one class at a rate of false positives, labelled class@rate"),
    Metric("pr_precision", "1", _H, "precision of one class at a recall of at least so much, labelled class@recall"),
    Metric("calibration_accuracy", "1", _N, "share of right labels where the largest probability lies in a bin"),
    Metric("residual", "value", _N, "quantile of value predicted minus true value, by name of the quantile"),
    Metric("residual_mean", "value", _N, "mean of value predicted minus true value where the prediction is in a range"),
    Metric("residual_deviation", "value", _L, "standard deviation of residuals where the prediction is in a range"),
    Metric("mse", "value", _L, "mean squared error, in squared units of the target"),
    Metric("rmse", "value", _L, "root of the mean squared error, in units of the target"),
    Metric("mae", "value", _L, "mean absolute error, in units of the target"),
    Metric("median_ae", "value", _L, "median of absolute errors, in units of the target"),
    Metric("mape", "value", _L, "mean of absolute errors divided by the true value"),
    Metric("r2", "1", _H, "coefficient of determination"),
    Metric("perplexity", "1", _L, "exponential of the mean negative log-likelihood of each token that follows"),
    Metric("bits_per_token", "1", _L, "mean negative log-likelihood of each token that follows, in bits"),
    Metric("token_accuracy", "1", _H, "share of tokens that the model holds for the most likely to follow"),
)

_CLUSTERING = (
    Metric("silhouette", "1", _H, "mean of how much nearer rows are to their own cluster than to the next, -1 to 1"),
    Metric("calinski_harabasz", "value", _H, "spread between clusters divided by that within, for their freedoms"),
    Metric("davies_bouldin", "value", _L, "mean likeness of each cluster to the most similar other one"),
    Metric("adjusted_rand", "1", _H, "pairs of rows on which clusters and true values agree, chance being 0"),
    Metric("normalised_mutual_information", "1", _H, "mutual information with the true values by mean entropy"),
    Metric("homogeneity", "1", _H, "how much clusters hold rows of one true value only"),
    Metric("completeness", "1", _H, "how much rows of one true value are in one cluster"),
    Metric("v_measure", "1", _H, "harmonic mean of homogeneity and completeness"),
    Metric("cluster_rows", "count", _N, "rows that were put into a cluster"),
)

_RANKING = (
    Metric("query_count", "count", _N, "queries whose rows were ranked"),
    Metric("click_count", "count", _N, "rows that were clicked"),
    Metric("effective_sample_size", "count", _N, "(sum w)^2 / sum w^2 of the weights click / propensity"),
    Metric("ips_rank", "value", _L, "sum of ranks of clicked rows for each query, weighted by 1 / propensity"),
    Metric("ips_dcg", "value", _H, "sum of 1 / log2(1 + rank) of clicked rows for each query, weighted likewise"),
    Metric(
        "weighted_rank", "value", _L, "mean rank of clicked rows, weighted by 1 / propensity, by the sum of weights"
    ),
    Metric("clicked_rank", "value", _L, "mean rank of clicked rows, as if every row had been looked at"),
)

_CHANGES = (
    *(
        Metric(f"{name}_change", "1", better, f"{text} of the candidate minus that of the native model, same rows")
        for name, better, text in (
            ("accuracy", _H, "accuracy"),
            ("f1", _H, "macro F1"),
            ("roc_auc", _H, "area under the ROC curve"),
            ("log_loss", _L, "log loss"),
            ("brier", _L, "Brier score"),
            ("calibration_error", _L, "expected calibration error"),
            ("worst_recall", _H, "recall of the class that lost most"),
            ("mse", _L, "mean squared error"),
            ("mae", _L, "mean absolute error"),
            ("r2", _H, "coefficient of determination"),
        )
    ),
    Metric("lost_row_count", "count", _L, "rows that the native model has right and the candidate wrong"),
    Metric("won_row_count", "count", _H, "rows that the candidate has right and the native model wrong"),
    Metric("quality_change_p", "1", _N, "p-value of no change: exact McNemar test, or Wilcoxon's signed ranks"),
)

_FAIRNESS = (
    Metric("group_rows", "count", _N, "rows of a group"),
    Metric("group_accuracy", "1", _H, "accuracy in a group"),
    Metric("group_selection_rate", "1", _N, "share of a group's rows that are given a class"),
    Metric("group_recall", "1", _H, "true positive rate of a class in a group"),
    Metric("group_false_positive_rate", "1", _L, "share of a group's rows of other classes that are given a class"),
    Metric("group_mae", "value", _L, "mean absolute error in a group"),
    Metric("group_mean_error", "value", _N, "mean of value predicted minus true value in a group"),
    Metric("accuracy_disparity", "1", _L, "largest minus smallest accuracy of groups"),
    Metric("demographic_parity_difference", "1", _L, "largest minus smallest selection rate of groups"),
    Metric("demographic_parity_ratio", "1", _H, "smallest divided by largest selection rate of groups"),
    Metric("equalized_odds_difference", "1", _L, "larger of the differences of true and of false positive rates"),
    Metric("mae_disparity", "value", _L, "largest minus smallest mean absolute error of groups"),
    Metric("mean_error_disparity", "value", _L, "largest minus smallest mean error of groups"),
)

_PROPERTIES = (
    Metric("row_count", "count", _N, "rows of the data that are used"),
    Metric("source_row_count", "count", _N, "rows in the file"),
    Metric("sample_seed", "count", _N, "seed by which rows were drawn where the cap was applied"),
    Metric("column_count", "count", _N, "columns of X"),
    Metric("class_count", "count", _N, "classes of the model"),
    Metric("class_ratio", "1", _N, "share of the rows that have a class"),
    Metric("class_entropy", "1", _N, "entropy of the classes divided by that of equal shares"),
    Metric("missing_ratio", "1", _L, "share of values that are NaN"),
    Metric("missing_column_count", "count", _L, "columns with missing values"),
    Metric("infinite_count", "count", _L, "values that are infinite"),
    Metric("constant_column_count", "count", _N, "columns with one value only"),
    Metric("duplicate_row_count", "count", _L, "rows that repeat an earlier one"),
    Metric("conflicting_row_count", "count", _L, "rows that repeat another one with another true value"),
    Metric("shared_row_count", "count", _L, "rows that are among the training rows as well"),
    Metric("drift_ks", "1", _L, "largest distance between a column's distributions here and in the training rows"),
    Metric("drift_p", "1", _N, "smallest p-value of no drift over columns (Kolmogorov-Smirnov), times their number"),
    Metric("drift_psi", "1", _L, "population stability index of a column, ten bins of the training rows"),
    Metric("target_drift", "1", _L, "distance of the true values here and in the training rows: of shares, or KS"),
    Metric("column_minimum", "value", _N, "smallest value of a column"),
    Metric("column_maximum", "value", _N, "largest value of a column"),
    Metric("target_minimum", "value", _N, "smallest true value"),
    Metric("target_maximum", "value", _N, "largest true value"),
    Metric("target_mean", "value", _N, "mean of the true values"),
    Metric("target_deviation", "value", _N, "standard deviation of the true values"),
    Metric("leakage_score", "1", _L, "how well one column orders the true values: |2 AUC - 1| or |rank correlation|"),
    Metric("tree_count", "count", _N, "trees"),
    Metric("node_count", "count", _N, "nodes of all trees, leaves among them"),
    Metric("leaf_count", "count", _N, "leaves of all trees"),
    Metric("depth_mean", "value", _N, "mean depth of the trees"),
    Metric("depth_max", "count", _N, "depth of the deepest tree"),
    Metric("leaf_depth_mean", "value", _N, "mean number of comparisons to a leaf, over leaves"),
    Metric("used_feature_count", "count", _N, "features that are used at all"),
    Metric("feature_split_count", "count", _N, "nodes that compare a feature"),
    Metric("support_vector_count", "count", _N, "support vectors"),
    Metric("support_vector_ratio", "1", _N, "support vectors divided by training rows"),
    Metric("bounded_vector_count", "count", _N, "support vectors whose weight is at its bound C"),
    Metric("parameter_count", "count", _N, "numbers that were learnt"),
    Metric("zero_parameter_ratio", "1", _N, "share of weights that are 0"),
    Metric("mac_count", "count", _L, "multiplications of convolutions and matrix products for one row"),
    Metric("operator_count", "count", _N, "nodes of the graph, by operator"),
    Metric("activation_bytes", "bytes", _L, "largest outputs that have to be held at once for one row"),
    Metric("xi_alpha_error", "1", _L, "upper bound of the leave-one-out error (Joachims 2000)"),
    Metric("xi_alpha_recall", "1", _H, "lower bound of the leave-one-out recall"),
    Metric("xi_alpha_precision", "1", _H, "lower bound of the leave-one-out precision"),
    Metric("xi_alpha_f1", "1", _H, "lower bound of the leave-one-out F1"),
    Metric(
        "tcat_margin_squared", "value", _H, "squared margin that the word sets of a text task allow (Joachims 2001)"
    ),
    Metric("tcat_error_bound", "1", _L, "bound of the expected error from that margin"),
    Metric("native_importance", "value", _N, "importance of a feature by the model's own account"),
    Metric(
        "shap_importance", "value", _N, "mean size of a feature's share in a prediction (Shapley value), raw scores"
    ),
    Metric("shap_additivity_gap", "value", _L, "largest difference between added shares and what the model says"),
    Metric("permutation_importance", "value", _N, "loss of accuracy or R2 when a column is shuffled"),
)

_ROBUSTNESS = (
    Metric("noise_accuracy", "1", _H, "accuracy when X is disturbed, labelled by disturbance"),
    Metric("noise_r2", "1", _H, "coefficient of determination when X is disturbed, labelled by disturbance"),
    Metric("noise_agreement", "1", _H, "share of labels that stay when X is disturbed"),
    Metric("corruption_accuracy", "1", _H, "accuracy on corrupted images, labelled by corruption and severity"),
    Metric("corruption_r2", "1", _H, "coefficient of determination on corrupted images, labelled likewise"),
    Metric("corruption_agreement", "1", _H, "share of labels that stay when images are corrupted"),
    Metric("corruption_error", "1", _L, "mean over corruptions and severities of the share of wrong labels"),
    Metric("corruption_error_change", "1", _L, "mean corruption error minus the error on the images as they are"),
    Metric("radius_exact", "value", _H, "smallest change of one value's size (L-infinity) that changes the label"),
    Metric("radius_certified", "value", _H, "change below which the label certainly stays: a lower bound"),
    Metric("radius_attacked", "value", _H, "change that was found to change the label: an upper bound of the radius"),
    Metric("value_change_certified", "value", _L, "how far a value can change within a radius: an upper bound"),
    Metric("value_change_attacked", "value", _L, "how far a value was made to change within a radius: a lower bound"),
    Metric("poisoned_error_change", "1", _L, "error with one more training row, made to harm, minus without it"),
    Metric("radius_attacked_change", "value", _H, "change that was found, of the candidate minus of the native model"),
    Metric(
        "robust_accuracy_change", "1", _H, "rows that withstood the attack, of the candidate minus of the native model"
    ),
    Metric("robust_accuracy", "1", _H, "share of the rows with the right label that keep it within a radius"),
    Metric("adversarial_accuracy", "1", _H, "share of all rows with the right label within a radius, as RobustBench"),
    Metric("attack_count", "count", _N, "rows in which a change of the label was found"),
    Metric("not_finished_count", "count", _L, "rows for which the budget did not suffice"),
)

WORTH_METRICS = (
    *_QUALITY,
    *_CLUSTERING,
    *_RANKING,
    *_CHANGES,
    *_FAIRNESS,
    *_PROPERTIES,
    *_ROBUSTNESS,
    Metric("broken_test", "1", _N, "never a value: a test that broke, with what it said"),
)
