using System.Globalization;
using System.Text.Json;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>The group <c>probability</c>: every value of a case that Imago computes; the kind is told by the values it has.</summary>
internal sealed partial class VaeSet
{
    private static void RunProbability(GoldenCase golden, Checks check)
    {
        var values = golden.Json(golden.Entry.GetProperty("config").GetString()!);
        var facts = new ProbabilityFacts(values, check, golden.Entry.GetProperty("tolerance").GetDouble());
        bool Has(string key) => values.TryGetProperty(key, out _);
        if (Has("logits_p")) facts.Logits();
        else if (Has("table")) facts.Joint();
        else if (Has("prior")) facts.Bayes();
        else if (Has("W")) facts.LinearModel();
        else if (Has("mean_1")) facts.Gaussian();
        else if (Has("f")) facts.Expectations();
        else if (Has("p")) facts.Pair();
        else throw new NotImplementedHereException($"values such as {string.Join(", ", values.EnumerateObject().Take(3).Select(entry => entry.Name))}");
        facts.NothingForgotten();
    }

    private sealed class ProbabilityFacts(JsonElement values, Checks check, double tolerance)
    {
        private readonly HashSet<string> _used = [];

        internal void NothingForgotten()
        {
            foreach (var name in values.EnumerateObject().Select(entry => entry.Name).Where(name => !_used.Contains(name) && name is not ("note" or "expected")))
                check.True(name, false, "is stored and was not compared");
        }

        internal void Pair()
        {
            var (p, q) = (List("p"), List("q"));
            Compare("entropy_p", () => Information.Entropy(p));
            Compare("entropy_q", () => Information.Entropy(q));
            Compare("entropy_p_bits", () => Information.Entropy(p) / Math.Log(2));
            Compare("perplexity_p", () => Math.Exp(Information.Entropy(p)));
            Compare("cross_entropy_pq", () => Information.CrossEntropy(p, q));
            Compare("kl_pq", () => Information.KullbackLeibler(p, q));
            Compare("kl_qp", () => Information.KullbackLeibler(q, p));
            Compare("jeffreys", () => Information.Jeffreys(p, q));
            Compare("jensen_shannon", () => Information.JensenShannon(p, q));
            Compare("jensen_shannon_bits", () => Information.JensenShannon(p, q) / Math.Log(2));
            Compare("jensen_shannon_distance", () => Math.Sqrt(Information.JensenShannon(p, q)));
            Compare("total_variation", () => Information.TotalVariation(p, q));
            Compare("hellinger", () => Information.Hellinger(p, q));
            Compare("bhattacharyya", () => -Math.Log(Information.BhattacharyyaCoefficient(p, q)));
            Compare("chi_square_pq", () => Information.ChiSquare(p, q));
            CompareOrders("renyi_divergence_pq", order => Information.RenyiDivergence(p, q, order));
            CompareOrders("renyi_entropy_p", order => Information.RenyiEntropy(p, order));
        }

        internal void Logits()
        {
            var (p, q) = (List("logits_p"), List("logits_q"));
            var (logP, logQ) = (Information.LogSoftmax(p), Information.LogSoftmax(q));
            CompareList("log_softmax_p", logP);
            CompareList("log_softmax_q", logQ);
            Compare("log_sum_exp_p", () => Information.LogSumExp(p));
            Compare("entropy_q", () => Information.Entropy([.. logQ.Select(Math.Exp)]));
            Compare("kl_qp", () => Information.KullbackLeiblerOfLogs(logQ, logP));
        }

        internal void Expectations()
        {
            var (p, q, f) = (List("p"), List("q"), List("f"));
            Compare("mean", () => Information.Expectation(p, f));
            Compare("variance", () => Information.Variance(p, f));
            Compare("second_moment", () => Information.Expectation(p, [.. f.Select(value => value * value)]));
            Compare("mean_under_q", () => Information.Expectation(q, f));
            CompareList("importance_weights", Information.ImportanceWeights(p, q));
            Compare("mean_by_importance_sampling_from_q", () => Information.ImportanceExpectation(p, q, f));
            Compare("jensen_log_of_mean", () => Math.Log(Information.Expectation(p, [.. f.Select(Math.Exp)])));
            Compare("jensen_mean_of_log", () => Information.Expectation(p, f));
        }

        internal void Joint()
        {
            var joint = new JointDistribution(Table("table"));
            var f = Table("f");
            CompareList("marginal_x", joint.X);
            CompareList("marginal_y", joint.Y);
            CompareList("x_given_y", joint.XGivenY);
            CompareList("y_given_x", joint.YGivenX);
            Compare("entropy_x", () => Information.Entropy(joint.X));
            Compare("entropy_y", () => Information.Entropy(joint.Y));
            Compare("entropy_xy", () => joint.Entropy);
            Compare("entropy_x_given_y", () => joint.EntropyOfXGivenY);
            Compare("entropy_y_given_x", () => joint.EntropyOfYGivenX);
            Compare("mutual_information", () => joint.MutualInformation);
            Compare("mutual_information_normalised_by_hx", () => joint.MutualInformation / Information.Entropy(joint.X));
            CompareList("conditional_mean_of_f_given_y", joint.ConditionalExpectation(f));
            Compare("mean_of_conditional_means", () => Information.Expectation(joint.Y, joint.ConditionalExpectation(f)));
            Compare("mean_of_f", () => joint.Expectation(f));
            Compare("expected_conditional_variance", () => Information.Expectation(joint.Y, joint.ConditionalVariance(f)));
            Compare("variance_of_conditional_mean", () => Information.Variance(joint.Y, joint.ConditionalExpectation(f)));
            Compare("variance_of_f", () => joint.Variance(f));
            Compare("mutual_information_after_channel", () => joint.Through(Table("channel_y_to_z")).MutualInformation);
            Compare("mutual_information_of_counts", () => JointDistribution.OfCounts(Table("counts")).MutualInformation);
        }

        internal void Bayes()
        {
            var likelihood = Table("likelihood_z_to_x");
            var observed = Use("observed").GetInt32();
            var (prior, q) = (List("prior"), List("q"));
            double[] ofObserved = [.. prior.Select((_, z) => likelihood[z, observed])];
            var bound = EvidenceLowerBound.Of(prior, ofObserved, q);
            Compare("evidence", () => new JointDistribution(JointTable(prior, likelihood)).Y[observed]);
            Compare("log_evidence", () => bound.LogEvidence);
            CompareList("posterior", [.. bound.Posterior]);
            Compare("elbo", () => bound.Elbo);
            Compare("kl_q_posterior", () => bound.KlToPosterior);
            Compare("reconstruction", () => bound.Reconstruction);
            Compare("kl_q_prior", () => bound.KlToPrior);
            check.Scalar("elbo + kl", bound.Elbo + bound.KlToPosterior, bound.LogEvidence, tolerance);
        }

        internal void Gaussian()
        {
            var first = new MultivariateGaussian(tensor(List("mean_1"), dtype: float64), tensor(Table("covariance_1"), dtype: float64));
            var second = new MultivariateGaussian(tensor(List("mean_2"), dtype: float64), tensor(Table("covariance_2"), dtype: float64));
            var x = tensor(List("x"), dtype: float64);
            Compare("log_density_1", () => first.LogDensity(x));
            Compare("entropy_1", () => first.Entropy);
            Compare("kl_12", () => first.Kl(second));
            Compare("kl_21", () => second.Kl(first));
            Compare("wasserstein2_squared", () => first.Wasserstein2Squared(second));
        }

        internal void LinearModel()
        {
            var model = new LinearGaussianModel(tensor(Table("W"), dtype: float64), tensor(List("b"), dtype: float64), Use("sigma").GetDouble());
            var x = tensor(List("x"), dtype: float64);
            var q = new DiagonalGaussian(tensor(List("q_mean"), dtype: float64).unsqueeze(0), tensor(List("q_logvar"), dtype: float64).unsqueeze(0));
            Compare("log_evidence", () => model.Evidence.LogDensity(x));
            CompareTensor("posterior_mean", model.Posterior(x).Mean);
            CompareTensor("posterior_covariance", model.Posterior(x).Covariance);
            Compare("expected_reconstruction", () => model.ExpectedReconstruction(x, q));
            Compare("kl_to_prior", () => q.Kl().item<double>());
            Compare("elbo", () => model.Elbo(x, q));
            Compare("kl_to_posterior", () => model.KlToPosterior(x, q));
        }

        private static double[,] JointTable(double[] prior, double[,] likelihood)
        {
            var table = (double[,])likelihood.Clone();
            for (var z = 0; z < table.GetLength(0); z++)
            {
                for (var x = 0; x < table.GetLength(1); x++) table[z, x] *= prior[z];
            }
            return table;
        }

        private JsonElement Use(string name)
        {
            _used.Add(name);
            return values.GetProperty(name);
        }

        private double[] List(string name) => [.. Use(name).EnumerateArray().Select(value => value.Number())];

        private double[,] Table(string name)
        {
            var rows = Use(name).EnumerateArray().Select(row => row.EnumerateArray().Select(value => value.Number()).ToArray()).ToArray();
            var table = new double[rows.Length, rows[0].Length];
            for (var i = 0; i < rows.Length; i++)
            {
                for (var j = 0; j < rows[i].Length; j++) table[i, j] = rows[i][j];
            }
            return table;
        }

        private void Compare(string name, Func<double> value)
        {
            if (values.TryGetProperty(name, out var want)) check.Scalar(name, value(), want.Number(), tolerance);
            _used.Add(name);
        }

        private void CompareOrders(string name, Func<double, double> value)
        {
            if (!values.TryGetProperty(name, out var orders)) return;
            foreach (var entry in Use(name).EnumerateObject())
                check.Scalar($"{name} {entry.Name}", value(entry.Name == "inf" ? double.PositiveInfinity : double.Parse(entry.Name, CultureInfo.InvariantCulture)), entry.Value.Number(), tolerance);
        }

        private void CompareList(string name, double[] value) => CompareTensor(name, tensor(value, dtype: float64));

        private void CompareList(string name, double[,] value) => CompareTensor(name, tensor(value, dtype: float64));

        private void CompareTensor(string name, Tensor value)
        {
            if (!values.TryGetProperty(name, out var stored)) return;
            check.Tensor(name, value, stored[0].ValueKind == JsonValueKind.Array ? tensor(Table(name), dtype: float64) : tensor(List(name), dtype: float64), tolerance);
        }
    }
}
