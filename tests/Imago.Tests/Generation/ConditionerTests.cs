using Imago.Data;
using Imago.Data.Faces;
using Imago.Generation;
using Imago.Models;
using Imago.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class ConditionerTests
{
    private static readonly ImageAttribute[] Attributes =
        [new("smile", -1, 1, [], ""), new("hair", 0, 2, ["black", "red", "blond"], ""), new("tilt", -10, 10, [], "")];

    private static BytePairTokenizer Tokenizer { get; } = BytePairTokenizer.Train(Enumerable.Repeat("a smiling woman with red hair", 3), 300);

    private static ClassConditionConfig Classes { get; } = new() { Names = ["neutral", "smile"] };

    private static AttributeConditionConfig Named { get; } = new() { Attributes = Attributes };

    private static TextConditionConfig Words { get; } = new() { Vocabulary = Tokenizer.Count, Length = 12, Width = 8, Layers = 2, Heads = 2 };

    private static ConditionerConfig All { get; } = new() { Width = 8, Conditions = [Classes, Named, Words, new SizeConditionConfig { Frequencies = 4 }] };

    private static Condition Full { get; } = new()
    {
        ClassName = "Smile",
        Attributes = new Dictionary<string, double> { ["smile"] = 0.5, ["hair"] = 1, ["tilt"] = -3 },
        Caption = "a smiling woman",
        Sizes = ImageSizes.Whole(32, 32),
    };

    public static TheoryData<int> Subsets => [.. Enumerable.Range(0, 16)];

    [Fact]
    public void Config_AsJson_IsReadBack()
    {
        var json = ConfigJson.Write(All);
        Assert.Contains("\"kind\": \"attributes\"", json, StringComparison.Ordinal);
        Assert.Equal(json, ConfigJson.Write(ConfigJson.Read<ConditionerConfig>(json, "test")));
    }

    [Fact]
    public void Encode_HasTheShapesThatNetworksTake()
    {
        using var scope = NewDisposeScope();
        var encoded = All.Create(1, Tokenizer).Encode([Full, Condition.None, Full], ScalarType.BFloat16);
        Assert.Equal([3L, 8L], encoded.Pooled!.shape);
        Assert.Equal([3L, 12L, 8L], encoded.Tokens!.shape);
        Assert.Equal((ScalarType.BFloat16, ScalarType.BFloat16), (encoded.Pooled.dtype, encoded.Tokens.dtype));
        Assert.Equal([3L, 12L], encoded.TokenMask!.shape);
        Assert.Equal([3f, 1f, 3f], encoded.TokenMask.sum([1L]).data<float>().ToArray());
    }

    [Theory]
    [MemberData(nameof(Subsets))]
    public void Encode_OfAnySubset_IsThatOfTheNullElsewhere(int subset)
    {
        using var scope = NewDisposeScope();
        var conditioner = All.Create(1, Tokenizer);
        var some = new Condition
        {
            ClassName = (subset & 1) > 0 ? Full.ClassName : null,
            Attributes = (subset & 2) > 0 ? Full.Attributes : new Dictionary<string, double>(),
            Caption = (subset & 4) > 0 ? Full.Caption : null,
            Sizes = (subset & 8) > 0 ? Full.Sizes : null,
        };
        var (full, nothing) = (conditioner.Read([Full]), conditioner.Read([Condition.None]));
        string[] kinds = ["class", "attributes", "text", "sizes"];
        var mixed = new ConditionInputs(kinds.Index().ToDictionary(kind => kind.Item, kind => ((subset >> kind.Index) & 1) > 0 ? full.Values[kind.Item] : nothing.Values[kind.Item]));
        var (a, b) = (conditioner.Encode([some]), conditioner.forward(mixed));
        Assert.True(a.Pooled!.Equals(b.Pooled!));
        Assert.True(a.Tokens!.Equals(b.Tokens!));
        Assert.Equal(subset == 0, a.Pooled!.Equals(conditioner.Null(1).Pooled!));
        Assert.True(isfinite(a.Pooled).all().item<bool>());
    }

    [Fact]
    public void Encode_OfOnePicture_DoesNotDependOnTheOthers()
    {
        using var scope = NewDisposeScope();
        var conditioner = All.Create(1, Tokenizer);
        var batch = conditioner.Encode([Condition.None, Full, new Condition { Caption = "red hair, red hair" }]);
        Assert.True(batch.Pooled![TensorIndex.Slice(1, 2)].allclose(conditioner.Encode([Full]).Pooled!, rtol: 1e-5, atol: 1e-6));
        Assert.True(batch.Tokens![TensorIndex.Slice(1, 2), TensorIndex.Slice(0, 3)].allclose(conditioner.Encode([Full]).Tokens![TensorIndex.Colon, TensorIndex.Slice(0, 3)], rtol: 1e-5, atol: 1e-6));
    }

    [Fact]
    public void Encode_OfDifferentValues_Differs()
    {
        using var scope = NewDisposeScope();
        var conditioner = All.Create(1, Tokenizer);
        Condition[] different =
        [
            Condition.None, new() { ClassNumber = 0 }, new() { ClassNumber = 1 }, With("smile", -1), With("smile", 1), With("hair", 0), With("hair", 2), With("tilt", 0),
            new() { Caption = "red hair" }, new() { Caption = "a woman" }, new() { Sizes = ImageSizes.Whole(64, 64) },
        ];
        var pooled = conditioner.Encode(different).Pooled!;
        var distances = cdist(pooled, pooled) + 1e3 * eye(different.Length);
        Assert.True(distances.min().item<float>() > 1e-3);

        static Condition With(string name, double value) => new() { Attributes = new Dictionary<string, double> { [name] = value } };
    }

    [Fact]
    public void Caption_InCapitalsAndMoreBlanks_IsTheSame()
    {
        using var scope = NewDisposeScope();
        var conditioner = All.Create(1, Tokenizer);
        var encoded = conditioner.Encode([new() { Caption = "A  Smiling\nWOMAN " }, new() { Caption = "a smiling woman" }, new() { Caption = "  " }, Condition.None]).Pooled!;
        Assert.True(encoded[0].Equals(encoded[1]));
        Assert.True(encoded[2].Equals(encoded[3]));
    }

    [Fact]
    public void Negative_IsTheNegativeOrNothing()
    {
        using var scope = NewDisposeScope();
        var conditioner = All.Create(1, Tokenizer);
        var encoded = conditioner.Negative([Full, Full with { Negative = new Condition { ClassNumber = 0 } }]).Pooled!;
        Assert.True(encoded.Equals(conditioner.Encode([Condition.None, new Condition { ClassNumber = 0 }]).Pooled!));
    }

    [Fact]
    public void Drop_WithholdsEachConditionAndAllAtOnce_AtItsRate()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        const int N = 20_000;
        var config = All with { Dropout = 0.1, Conditions = [Classes with { Dropout = 0.2 }, Named with { Dropout = 0.3, Subsets = false }, Words with { Dropout = 0 }] };
        var conditioner = config.Create(1, Tokenizer);
        var one = conditioner.Read([Full with { Sizes = null }]);
        var inputs = new ConditionInputs(one.Values.ToDictionary(pair => pair.Key, pair => pair.Value.repeat([N, .. Enumerable.Repeat(1L, (int)pair.Value.dim() - 1)])));
        var dropped = conditioner.Drop(inputs, generator).Values;
        var (noClass, noAttributes, noText) = (dropped["class"].lt(0), dropped["attributes"].isnan().all(1), dropped["text"].lt(0).all(1));
        AssertRate(1 - 0.9 * 0.8, noClass);
        AssertRate(1 - 0.9 * 0.7, noAttributes);
        AssertRate(0.1, noText);
        AssertRate(0.1 + 0.9 * 0.2 * 0.3, noClass.logical_and(noAttributes));           // independent but for what is withheld at once
        Assert.True(noText.logical_and(noClass.logical_not()).sum().item<long>() == 0);
        Assert.True(inputs.Values["class"].ge(0).all().item<bool>());                    // the input is not changed

        static void AssertRate(double expected, Tensor withheld) =>
            Assert.InRange(withheld.to(float64).mean().item<double>(), expected - 5 * Math.Sqrt(expected * (1 - expected) / N), expected + 5 * Math.Sqrt(expected * (1 - expected) / N));
    }

    /// <summary>∫ C(n, k)(1 − r)ᵏ rⁿ⁻ᵏ dr = 1/(n + 1) for every k.</summary>
    [Fact]
    public void Drop_OfAttributes_KeepsEveryNumberOfThemEquallyOften()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        const int N = 40_000;
        var conditioner = (All with { Dropout = 0, Conditions = [Named with { Dropout = 0 }] }).Create();
        var dropped = conditioner.Drop(new ConditionInputs(new Dictionary<string, Tensor> { ["attributes"] = zeros(N, 3) }), generator).Values["attributes"];
        var kept = dropped.isnan().logical_not().sum([1L]);
        for (var k = 0; k <= 3; k++) Assert.InRange(kept.eq(k).to(float64).mean().item<double>(), 0.25 - 0.011, 0.25 + 0.011);
    }

    [Fact]
    public void Drop_IsAFunctionOfTheGenerator()
    {
        using var scope = NewDisposeScope();
        var conditioner = All.Create(1, Tokenizer);
        var inputs = conditioner.Read([.. Enumerable.Repeat(Full, 50)]);
        Tensor Draw(ulong seed) => conditioner.Drop(inputs, new Generator(seed)).Values["attributes"].nan_to_num(9);
        Assert.True(Draw(1).Equals(Draw(1)));
        Assert.False(Draw(1).Equals(Draw(2)));
    }

    [Fact]
    public void Encode_OfATrainingBatch_IsThatOfTheSameConditions()
    {
        using var scope = NewDisposeScope();
        var captions = BytePairTokenizer.Train(["a woman with red hair"], 300);
        var faces = new FaceDataset(4, seed: 1, size: 32);
        var config = new ConditionerConfig { Width = 8, Dropout = 0, Conditions = [Named with { Attributes = faces.Attributes, Dropout = 0, Subsets = false }, Words with { Vocabulary = captions.Count, Dropout = 0 }] };
        var conditioner = config.Create(1, captions);
        using var batch = new ImageLoader(faces, new LoaderOptions { BatchSize = 4 }).Epoch(0).First();
        var conditions = batch.Indices.Select(faces.Get).Select(item => new Condition
        {
            Caption = item.Caption,
            Attributes = faces.Attributes.Zip(item.Attributes).ToDictionary(pair => pair.First.Name, pair => pair.Second),
        });
        Assert.True(conditioner.Encode(batch, new Generator(1)).Pooled!.allclose(conditioner.Encode([.. conditions]).Pooled!, rtol: 1e-5, atol: 1e-6));
    }

    [Fact]
    public void ClassNumbers_GoToTheNetworkAsTheyAre()
    {
        using var scope = NewDisposeScope();
        var conditioner = (All with { Conditions = [Classes with { Embed = false }] }).Create();
        var encoded = conditioner.Encode([Full with { Attributes = new Dictionary<string, double>(), Caption = null, Sizes = null }, Condition.None]);
        Assert.Equal([1L, 2L], encoded.Classes!.data<long>().ToArray());
        Assert.Null(encoded.Pooled);
    }

    [Fact]
    public void VectorOfClasses_GoesWhereTheNetworkTakesIt()
    {
        using var scope = NewDisposeScope();
        var encoded = (All with { Vector = ConditionVector.Classes }).Create(1, Tokenizer).Encode([Full]);
        Assert.Equal([1L, 8L], encoded.Classes!.shape);
        Assert.Null(encoded.Pooled);
    }

    [Fact]
    public void UnknownWishes_AreRefused_WithWhatThereIs()
    {
        var conditioner = All.Create(1, Tokenizer);
        Refused("neutral, smile", new() { ClassName = "frown" });
        Refused("smile, hair, tilt", new() { Attributes = new Dictionary<string, double> { ["nose"] = 1 } });
        Refused("black, red, blond", new() { Attributes = new Dictionary<string, double> { ["hair"] = 3 } });
        Refused("-1 to 1", new() { Attributes = new Dictionary<string, double> { ["smile"] = 1.5 } });
        Assert.Equal(1, Named.Parse("hair", "Red"));
        Assert.Equal(0.25, Named.Parse("smile", "0.25"));
        var onlyClass = (All with { Conditions = [Classes] }).Create();
        Assert.Contains("a caption", Assert.Throws<ArgumentException>(() => onlyClass.Encode([Full with { Attributes = new Dictionary<string, double>() }])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => All.Create(1));
        Assert.Throws<ArgumentException>(() => (All with { Conditions = [Classes, Classes] }).Create());

        void Refused(string expected, Condition condition) =>
            Assert.Contains(expected, Assert.Throws<ArgumentException>(() => conditioner.Encode([condition])).Message, StringComparison.Ordinal);
    }

    /// <summary>A network that reads only the pooled vector learns from the caption, the attribute or the class what is asked for.</summary>
    [Fact]
    public void Training_ReachesEveryParameter()
    {
        using var scope = NewDisposeScope();
        var conditioner = All.Create(1, Tokenizer);
        var encoded = conditioner.Encode([Full, Condition.None]);
        (encoded.Pooled!.square().sum() + (encoded.Tokens! * arange(8)).square().sum()).backward();
        Assert.All(conditioner.named_parameters(), parameter => Assert.True(parameter.parameter.grad is { } g && g.abs().sum().item<float>() > 0, parameter.name));
    }
}
