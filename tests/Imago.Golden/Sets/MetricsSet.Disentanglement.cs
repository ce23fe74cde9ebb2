using System.Text.Json;
using Imago.Metrics.Disentanglement;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Scores of disentanglement on a grid of factors, from the rows that the library drew.</summary>
internal sealed partial class MetricsSet
{
    private sealed record Study(GoldenCase Golden, JsonElement Metric, TensorFile Tables, TensorFile Indices, TensorFile Intermediate, double Tolerance)
    {
        internal JsonElement Expected => Metric.GetProperty("expected");

        internal Tensor Rows(string table, string indices, int? count = null)
        {
            var rows = Indices.Read(indices).to(int64).flatten();
            return Tables.Read(table).index_select(0, count is { } first ? rows[..first] : rows);
        }
    }

    private static void RunDisentanglement(GoldenCase golden, Checks check)
    {
        var name = golden.Name.Split('/')[^1];
        using var tables = golden.Open(InputFile(golden, "tables"));
        using var indices = golden.Open(InputFile(golden, "indices"));
        using var intermediate = golden.Open(golden.Entry.GetProperty("outputs").EnumerateArray().Select(output => output.GetString()!).First(output => output.Contains("intermediate", StringComparison.Ordinal)).Split(':')[0]);
        var limit = golden.Entry.GetProperty("tolerance") is { ValueKind: JsonValueKind.Object } tolerance && tolerance.TryGetProperty("rel", out var relative) ? relative.GetDouble()
            : golden.Entry.GetProperty("tolerance") is { ValueKind: JsonValueKind.Object } other && other.TryGetProperty("abs", out var absolute) ? absolute.GetDouble() : 0;
        var study = new Study(golden, golden.Json(golden.Entry.GetProperty("json").GetString()!).GetProperty("metrics").GetProperty(name), tables, indices, intermediate, limit);
        if (name == "mig") RunGap(study, check);
        else if (name == "factor_vae_all_pruned") check.True("votes of codes that do not vary", FactorVaeScore.Votes(zeros(3, 4, 5), [0, 1, 2], 3, full([5], 1e-6, float64)) is null, "were counted");
        else if (name.StartsWith("factor_vae_", StringComparison.Ordinal)) RunVotes(study, name["factor_vae_".Length..], check);
        else if (name == "sap_continuous") RunPredictability(study, check);
        else if (name == "dci_formulas") RunImportance(study, check);
        else if (name == "modularity_of_mi_matrix") RunModularity(study, check);
        else if (name.StartsWith("irs", StringComparison.Ordinal)) RunRobustness(study, check);
        else if (name == "unsupervised") RunUnsupervised(study, check);
        else if (name.StartsWith("udr_", StringComparison.Ordinal)) RunRanking(study, name, check);
        else throw new NotImplementedHereException($"Imago has no measure yet that {golden.Name} could test");
    }

    private static void RunGap(Study study, Checks check)
    {
        var bins = study.Metric.GetProperty("bins").GetInt32();
        var (codes, factors) = (study.Rows("model0", "mig"), study.Rows("factors", "mig"));
        check.Tensor("edges", stack([.. codes.to(float64).unbind(1).Select(code => tensor(DiscreteInformation.Edges(code.contiguous().data<double>().ToArray(), bins)))]), study.Intermediate.Read("mig.histogram_edges"), study.Tolerance);
        check.Exact("bins", stack([.. codes.to(float64).unbind(1).Select(code => tensor(DiscreteInformation.Bins(code.contiguous().data<double>().ToArray(), bins)))]), study.Intermediate.Read("mig.discretised_codes"));
        check.Tensor("information", tensor(DiscreteInformation.Matrix(codes, factors, bins)), study.Intermediate.Read("mig.mutual_information"), study.Tolerance);
        check.Tensor("entropy", tensor(factors.unbind(1).Select(factor => DiscreteInformation.Entropy(factor.to(int64).contiguous().data<long>().ToArray())).ToArray()), study.Intermediate.Read("mig.entropy"), study.Tolerance);
        check.Scalar("gap", DisentanglementScores.MutualInformationGap(codes, factors, bins), study.Expected.GetProperty("discrete_mig").GetDouble(), study.Tolerance);
        check.Scalar("gap on the grid", DisentanglementScores.MutualInformationGap(study.Tables.Read("model0"), study.Tables.Read("factors"), bins), study.Expected.GetProperty("discrete_mig_on_the_whole_grid_in_order").GetDouble(), study.Tolerance);
    }

    private static void RunVotes(Study study, string model, Checks check)
    {
        var (table, train) = (study.Tables.Read(model), study.Metric.GetProperty("num_train").GetInt32());
        var variances = FactorVaeScore.Variances(study.Rows(model, $"factor_vae_variance.{model}"));
        check.Tensor("variances", variances, study.Intermediate.Read($"factor_vae.{model}.global_variances"), 1e-9);
        var rows = study.Indices.Read($"factor_vae_votes.{model}").to(int64);
        var groups = table.index_select(0, rows.flatten()).view(rows.shape[0], rows.shape[1], -1);
        int[] shared = [.. study.Intermediate.Read($"factor_vae.{model}.fixed_factor_of_each_vote").to(int64).data<long>().Select(factor => (int)factor)];
        var (factors, smallest) = ((int)study.Tables.Read("factors").shape[1], study.Metric.GetProperty("prune_threshold").GetDouble());
        var training = FactorVaeScore.Votes(groups[..train], shared[..train], factors, variances, smallest)!;
        var judged = FactorVaeScore.Votes(groups[train..], shared[train..], factors, variances, smallest)!;
        Tensor Table(long[][] votes) => stack([.. votes.Select(row => tensor(row))]);
        check.Exact("votes to learn from", Table(training), study.Intermediate.Read($"factor_vae.{model}.train_votes"));
        check.Exact("votes", Table(judged), study.Intermediate.Read($"factor_vae.{model}.eval_votes"));
        check.Scalar("accuracy on the first", FactorVaeScore.Accuracy(training, training), study.Expected.GetProperty("train_accuracy").GetDouble(), 0);
        check.Scalar("accuracy", FactorVaeScore.Accuracy(training, judged), study.Expected.GetProperty("eval_accuracy").GetDouble(), 0);
    }

    private static void RunPredictability(Study study, Checks check)
    {
        var count = study.Metric.GetProperty("num_train").GetInt32();
        var scores = DisentanglementScores.SquaredCorrelations(study.Rows("model0", "sap", count), study.Rows("factors", "sap", count));
        check.Tensor("scores", tensor(scores), study.Intermediate.Read("sap.score_matrix_continuous"), study.Tolerance);
        check.Scalar("sap", DisentanglementScores.SeparatedPredictability(scores), study.Expected.GetProperty("SAP_score").GetDouble(), study.Tolerance);
    }

    private static void RunImportance(Study study, Checks check)
    {
        foreach (var entry in study.Metric.GetProperty("cases").EnumerateArray())
        {
            var (disentanglement, completeness) = DisentanglementScores.OfImportance(Matrix(entry.GetProperty("importance")));
            check.Scalar("disentanglement", disentanglement, entry.GetProperty("disentanglement").GetDouble(), study.Tolerance);
            check.Scalar("completeness", completeness, entry.GetProperty("completeness").GetDouble(), study.Tolerance);
        }
    }

    private static void RunModularity(Study study, Checks check)
    {
        foreach (var entry in study.Metric.EnumerateObject())
            check.Scalar(entry.Name, DisentanglementScores.Modularity(Matrix(entry.Value.GetProperty("matrix"))), entry.Value.GetProperty("modularity").GetDouble(), study.Tolerance);
    }

    private static void RunRobustness(Study study, Checks check)
    {
        var quantile = study.Metric.GetProperty("diff_quantile").GetDouble();
        var got = InterventionalRobustness.Of(study.Rows("model0", "irs"), study.Rows("factors", "irs"), quantile);
        check.Scalar("irs", got.Score, study.Expected.GetProperty("IRS").GetDouble(), study.Tolerance);
        check.Equal("codes", got.Codes.Count, study.Expected.GetProperty("number_of_active_codes").GetInt32());
        check.Tensor("largest deviations", tensor(got.MaximalDeviations.ToArray()), Doubles(study.Expected.GetProperty("max_deviations")), study.Tolerance);
        check.Exact("parents", tensor(got.Parents.Select(parent => (long)parent).ToArray()), Doubles(study.Expected.GetProperty("parents")));
        check.Tensor("matrix", tensor(got.Matrix), study.Intermediate.Read($"irs.matrix_{study.Golden.Name.Split('_')[^1]}"), study.Tolerance);
    }

    private static void RunUnsupervised(Study study, Checks check)
    {
        var covariance = study.Intermediate.Read("unsupervised.covariance");
        var codes = study.Rows("model0", "unsupervised").narrow(1, 0, covariance.shape[0]);
        using var statistics = Imago.Metrics.FeatureStatistics.Of(codes);
        check.Tensor("covariance", statistics.Covariance, covariance, study.Tolerance);
        check.Scalar("total correlation", UnsupervisedScores.GaussianTotalCorrelation(statistics.Covariance), study.Expected.GetProperty("gaussian_total_correlation").GetDouble(), study.Tolerance);
        check.Scalar("wasserstein", UnsupervisedScores.GaussianWasserstein(statistics.Covariance), study.Expected.GetProperty("gaussian_wasserstein_correlation").GetDouble(), study.Tolerance);
        check.Scalar("wasserstein, normalised", UnsupervisedScores.NormalisedGaussianWasserstein(statistics.Covariance), study.Expected.GetProperty("gaussian_wasserstein_correlation_norm").GetDouble(), study.Tolerance);
        check.Scalar("information", UnsupervisedScores.MutualInformation(codes), study.Expected.GetProperty("mutual_info_score").GetDouble(), study.Tolerance);
    }

    private static void RunRanking(Study study, string name, Checks check)
    {
        var (similarity, filtered) = (name.Contains("lasso", StringComparison.Ordinal) ? CodeSimilarity.Lasso : CodeSimilarity.Spearman, !name.Contains("unfiltered", StringComparison.Ordinal));
        string[] models = [.. study.Tables.Tensors.Select(tensor => tensor.Name).Where(table => table.StartsWith("model", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        var kl = study.Intermediate.Read("udr.kl");
        var pairwise = RankingAgreement.Pairwise([.. models.Select(model => study.Rows(model, "udr"))], [.. kl.unbind(0).Select(row => (IReadOnlyList<double>)row.data<double>().ToArray())], similarity, filtered);
        check.Tensor("pairs", stack([.. pairwise.Select(row => tensor(row))]), stack([.. study.Expected.GetProperty("pairwise").EnumerateArray().Select(Doubles)]), study.Tolerance);
        check.Tensor("models", tensor(RankingAgreement.ModelScores(pairwise)), Doubles(study.Expected.GetProperty("model_scores")), study.Tolerance);
    }

    private static double[,] Matrix(JsonElement rows)
    {
        double[][] values = [.. rows.EnumerateArray().Select(row => row.EnumerateArray().Select(value => value.GetDouble()).ToArray())];
        var matrix = new double[values.Length, values[0].Length];
        for (var i = 0; i < values.Length; i++)
        {
            for (var j = 0; j < values[0].Length; j++) matrix[i, j] = values[i][j];
        }
        return matrix;
    }
}
