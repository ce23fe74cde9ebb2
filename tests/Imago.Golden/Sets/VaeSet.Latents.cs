using System.Text.Json;
using Imago.Exploration;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>The group <c>latents</c>.</summary>
internal sealed partial class VaeSet
{
    private static void RunLatents(GoldenCase golden, Checks check)
    {
        var latents = new LatentCase(golden, check);
        var kind = golden.Name[(golden.Name.LastIndexOf('/') + 1)..].Split('-');
        switch (kind)
        {
            case ["mean", "difference", ..]: MeanDifference(latents); break;
            case ["classifiers", ..]: Classifiers(latents); break;
            case ["conditional", "direction", ..]: ConditionalDirection(latents); break;
            case ["interpolation", ..]: Interpolation(latents); break;
            case ["pca", ..]: Pca(latents); break;
            case ["knn", "self", ..]: Neighbours(latents, LatentDistance.Euclidean, withinSet: true); break;
            case ["knn", "euclidean", ..]: Neighbours(latents, LatentDistance.Euclidean, withinSet: false); break;
            case ["knn", "cosine", ..]: Neighbours(latents, LatentDistance.Cosine, withinSet: false); break;
            case ["gmm", "full", ..]: Mixture(latents, MixtureCovariance.Full); break;
            case ["gmm", "tied", ..]: Mixture(latents, MixtureCovariance.Tied); break;
            case ["gmm", "diag", ..]: Mixture(latents, MixtureCovariance.Diagonal); break;
            case ["gmm", "spherical", ..]: Mixture(latents, MixtureCovariance.Spherical); break;
            default: throw new NotImplementedHereException($"Imago has no tool for latents called {golden.Name}");
        }
    }

    private static void MeanDifference(LatentCase latents)
    {
        var (z, with, other) = (latents.Input("z"), latents.Labels(latents.InputNames[1]), latents.Labels(latents.InputNames[2]));
        var direction = AttributeDirections.MeanDifference(z, with);
        var replicated = AttributeDirections.ReplicatedMeanDifference(z, with, other);
        latents.Check("direction", direction);
        latents.Check("unit", AttributeDirections.Unit(direction));
        latents.Check("replicated", replicated);
        latents.Check("cell_means", AttributeDirections.CellMeanDifference(z, with, other));

        var scores = z.to(float64).mv(direction).data<double>().ToArray();
        var (threshold, accuracy) = RocCurve.BestThreshold(scores, with);
        latents.CheckScalar("norm", direction.norm().item<double>());
        latents.CheckScalar("cosine_plain_replicated", AttributeDirections.Unit(direction).dot(AttributeDirections.Unit(replicated)).item<double>());
        latents.CheckScalar("threshold", threshold);
        latents.CheckScalar("accuracy", accuracy);
        latents.CheckScalar("auc", RocCurve.Area(scores, with));
    }

    private static void Classifiers(LatentCase latents)
    {
        var (z, with) = (latents.Input("z"), latents.Labels(latents.InputNames[1]));
        foreach (var entry in latents.Scalars.EnumerateObject())
        {
            var c = entry.Value.GetProperty("C").GetDouble();
            var isBalanced = entry.Value.TryGetProperty("class_weight", out _);
            var classifier = entry.Name.Split('_') switch
            {
                ["logistic", ..] => LinearClassifier.Logistic(z, with, c, isBalanced),
                ["linear", "svc", ..] => LinearClassifier.SquaredHinge(z, with, c, isBalanced),
                ["svc", "hinge", ..] when !isBalanced => LinearClassifier.Hinge(z, with, c),
                _ => throw new NotImplementedHereException($"Imago has no linear classifier called {entry.Name}"),
            };
            latents.Check($"{entry.Name}.coef", classifier.Weight);
            if (latents.Has($"{entry.Name}.unit")) latents.Check($"{entry.Name}.unit", AttributeDirections.Unit(classifier.Weight));
            latents.CheckScalar($"{entry.Name}/intercept", classifier.Bias);
            latents.CheckScalar($"{entry.Name}/accuracy", classifier.Accuracy(z, with));
            latents.CheckScalar($"{entry.Name}/objective", classifier.Objective);
            latents.CheckScalar($"{entry.Name}/log_loss_sum", classifier.Score(z).Zip(with, (score, label) => Math.Log(1 + Math.Exp(label ? -score : score))).Sum());
        }
    }

    private static void ConditionalDirection(LatentCase latents)
    {
        var (z, start) = (latents.Input("z"), latents.Input("query")[0]);
        var n1 = Normal(latents.InputNames[1]);
        var n2 = Normal(latents.InputNames[2]);
        var raw = AttributeDirections.Orthogonal(n1, n2);
        var unit = AttributeDirections.Unit(raw);
        latents.Check("n1", n1);
        latents.Check("n2", n2);
        latents.Check("raw", raw);
        latents.Check("unit", unit);
        latents.Check("two_conditions", AttributeDirections.Unit(AttributeDirections.Orthogonal(n1, n2, latents.Output("n3"))));
        double[] strengths = [-3, -2, -1, 0, 1, 2, 3];
        latents.Check("edit", AttributeDirections.Edit(start, unit, strengths));
        latents.Check("edit_from_boundary", AttributeDirections.EditFromBoundary(start, unit, strengths));
        latents.CheckScalar("n1_dot_n2", n1.dot(n2).item<double>());
        latents.CheckScalar("raw_dot_n2", raw.dot(n2).item<double>());
        latents.CheckScalar("raw_norm", raw.norm().item<double>());

        Tensor Normal(string attribute) => AttributeDirections.Unit(LinearClassifier.Logistic(z, latents.Labels(attribute)).Weight);
    }

    private static void Interpolation(LatentCase latents)
    {
        var query = latents.Input("query").to(float64);
        var (a, b) = (query[0], query[1]);
        var t = latents.Output("t").to(float64).data<double>().ToArray();
        Tensor Along(Interpolation way, Tensor end) => stack(t.Select(x => way(a, end, x)));
        Tensor Output(string name) => latents.Output(name).to(float64);
        const double DiffusersThreshold = 0.9995;
        latents.Check("a", a);
        latents.Check("b", b);
        var (lerp, slerp) = (Along(Interpolations.Straight, b), Along(Spherical, b));
        latents.Check("lerp", lerp);
        latents.Check("slerp", slerp);
        latents.Check("slerp_linear_norm", Along(Interpolations.SphericalWithLinearNorm, b));
        latents.Check("slerp_threshold", Along((x, y, s) => Interpolations.Spherical(x, y, s, DiffusersThreshold), b));
        latents.Check("parallel_slerp", Along(Spherical, Output("parallel_b")));
        latents.Check("close_slerp", Along(Spherical, Output("close_b")));
        latents.Check("close_slerp_threshold", Along((x, y, s) => Interpolations.Spherical(x, y, s, DiffusersThreshold), Output("close_b")));
        latents.Check("extrapolated", stack([Spherical(a, b, -0.5), Spherical(a, b, 1.5)]));
        latents.Check("lerp_gaussian", Along(Interpolations.Gaussian, b));
        latents.Check("grid", stack(t.Select(u => stack(t.Select(w => Spherical(Spherical(a, b, w), Spherical(query[2], query[3], w), u))))));
        latents.CheckScalar("angle", Interpolations.Angle(a, b));
        latents.CheckScalars("norms_lerp", lerp.norm(dim: 1).data<double>().ToArray());
        latents.CheckScalars("norms_slerp", slerp.norm(dim: 1).data<double>().ToArray());
        latents.CheckRefused("antiparallel", () => Spherical(a, Output("antiparallel_b"), 0.5));

        static Tensor Spherical(Tensor x, Tensor y, double s) => Interpolations.Spherical(x, y, s);
    }

    private static void Pca(LatentCase latents)
    {
        var (z, query) = (latents.Input("z"), latents.Input("query"));
        var all = PrincipalComponents.Fit(z);
        latents.Check("mean", all.Mean);
        latents.Check("components", all.Components);
        latents.Check("explained_variance", all.ExplainedVariance);
        latents.Check("explained_variance_ratio", all.ExplainedVarianceRatio);
        latents.Check("singular_values", all.SingularValues());
        var kept = latents.Scalars.GetProperty("components_kept").GetInt32();
        var some = PrincipalComponents.Fit(z, kept);
        latents.Check("query_code", some.Project(query));
        latents.Check("query_reconstruction", some.Reconstruct(some.Project(query)));
        latents.Check("query_whitened", some.Whiten(query));
        latents.CheckScalar("noise_variance", all.ExplainedVariance[kept..].mean().item<double>());
    }

    private static void Neighbours(LatentCase latents, LatentDistance distance, bool withinSet)
    {
        var z = latents.Input("z");
        var k = latents.Scalars.GetProperty("k").GetInt32();
        var (indices, distances) = withinSet ? NearestNeighbours.WithinSet(z, k, distance) : NearestNeighbours.Find(z, latents.Input("query"), k, distance);
        latents.CheckExact("indices", indices);
        latents.Check("distances", distances);
        if (!latents.Has("vote")) return;
        var labels = latents.Labels(latents.InputNames.Single(name => name is not ("z" or "query")));
        latents.CheckExact("vote", tensor(NearestNeighbours.Vote(indices, labels).Select(vote => vote ? 1L : 0L).ToArray()));
    }

    private static void Mixture(LatentCase latents, MixtureCovariance kind)
    {
        var (z, query) = (latents.Input("z"), latents.Input("query"));
        var start = GaussianMixture.CreateShared(latents.Input("weights_init"), latents.Input("means_init"), latents.Input("covariance_init"), kind);
        var regularisation = latents.Scalars.GetProperty("reg_covar").GetDouble();
        foreach (var entry in latents.Scalars.EnumerateObject().Where(entry => entry.Value.ValueKind == JsonValueKind.Object))
        {
            var mixture = entry.Name.StartsWith("iterations_", StringComparison.Ordinal)
                ? start.Improve(z, entry.Value.GetProperty("iterations").GetInt32(), tolerance: 0, regularisation)
                : start.Improve(z, 100_000, latents.Scalars.GetProperty("tolerance_of_converged").GetDouble(), regularisation);
            latents.Check($"{entry.Name}.weights", mixture.Weights);
            latents.Check($"{entry.Name}.means", mixture.Means);
            latents.Check($"{entry.Name}.covariances", mixture.Covariances);
            if (latents.Has($"{entry.Name}.query_log_density")) latents.Check($"{entry.Name}.query_log_density", mixture.LogDensity(query));
            if (latents.Has($"{entry.Name}.query_responsibilities")) latents.Check($"{entry.Name}.query_responsibilities", mixture.Responsibilities(query));
            latents.CheckScalar($"{entry.Name}/lower_bound", mixture.LowerBound, $"{entry.Name}.");
            latents.CheckScalar($"{entry.Name}/mean_log_likelihood", mixture.LogDensity(z).mean().item<double>(), $"{entry.Name}.");
            latents.CheckScalar($"{entry.Name}/bic", mixture.InformationCriterion(z), $"{entry.Name}.");
        }
    }

    /// <summary>A case of this group with its files at hand.</summary>
    private sealed class LatentCase
    {
        private readonly GoldenCase _golden;
        private readonly Checks _check;
        private readonly Dictionary<string, TensorFile> _inputs = [];
        private readonly TensorFile _outputs;

        internal LatentCase(GoldenCase golden, Checks check)
        {
            (_golden, _check) = (golden, check);
            foreach (var input in golden.Entry.GetProperty("inputs").EnumerateArray())
            {
                var file = golden.Open(input.GetProperty("file").GetString()!);
                foreach (var name in input.GetProperty("tensors").EnumerateArray()) _inputs[name.GetString()!] = file;
            }
            InputNames = [.. _inputs.Keys];
            _outputs = golden.Open(golden.Entry.GetProperty("outputs")[0].GetProperty("file").GetString()!);
            Scalars = golden.Json(golden.Entry.GetProperty("scalars").GetString()!);
        }

        /// <summary>Names of the inputs, in the manifest's order: first the latents, then the attributes.</summary>
        internal IReadOnlyList<string> InputNames { get; }

        internal JsonElement Scalars { get; }

        internal Tensor Input(string name) => _inputs[name].Read(name);

        internal bool[] Labels(string name) => [.. Input(name).data<long>().ToArray().Select(label => label != 0)];

        internal Tensor Output(string name) => _outputs.Read(name);

        internal bool Has(string name) => _outputs.Contains(name);

        internal void Check(string name, Tensor got) => _check.Tensor(name, got, Output(name), Tolerance(name));

        internal void CheckExact(string name, Tensor got) => _check.Exact(name, got, Output(name));

        /// <summary>A number at a path of keys, where the case has it.</summary>
        internal void CheckScalar(string path, double got, string? toleranceOf = null)
        {
            if (Find(path) is { } want) _check.Scalar(path, got, want.Number(), Tolerance(toleranceOf ?? path));
        }

        internal void CheckScalars(string name, double[] got)
        {
            if (Find(name) is { } want) _check.Tensor(name, tensor(got), tensor(want.EnumerateArray().Select(PythonJson.Number).ToArray()), Tolerance(name));
        }

        internal void CheckRefused(string name, Action action)
        {
            if (Find(name) is null) return;
            try
            {
                action();
                _check.True(name, false, "was accepted, must be refused");
            }
            catch (ArgumentException)
            {
                _check.True(name, true);
            }
        }

        private JsonElement? Find(string path)
        {
            var element = Scalars;
            foreach (var key in path.Split('/'))
            {
                if (!element.TryGetProperty(key, out element)) return null;
            }
            return element;
        }

        /// <summary>One number for the whole case, or one for each beginning of a name (<c>converged.*</c>).</summary>
        private double Tolerance(string name)
        {
            var tolerance = _golden.Entry.GetProperty("tolerance");
            return tolerance.ValueKind == JsonValueKind.Number
                ? tolerance.GetDouble()
                : tolerance.EnumerateObject().First(entry => name.StartsWith(entry.Name.TrimEnd('*'), StringComparison.Ordinal)).Value.GetDouble();
        }
    }
}
