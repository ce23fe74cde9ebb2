using Imago.Layers;
using Imago.Models.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models.UNets;

/// <summary>
/// The U-Net of diffusion (Ho et al. 2020; Dhariwal and Nichol 2021; Rombach et al. 2022): down, across and up, with skips between. Fields are the keys of diffusers'
/// <c>UNet2DModel</c> and <c>UNet2DConditionModel</c>.
/// </summary>
internal sealed class UNet : DenoisingNetwork
{
    private readonly UNetPlan _plan;
    private readonly Conv2d conv_in;
    private readonly nn.Module<Tensor, Tensor> time_proj;
    private readonly TimestepEmbedding time_embedding;
    private readonly Linear? encoder_hid_proj;
    private readonly nn.Module? class_embedding;
    private readonly nn.Module<Tensor, Tensor>? add_time_proj;
    private readonly TimestepEmbedding? add_embedding;
    private readonly ModuleList<UNetDownBlock> down_blocks;
    private readonly ModuleList<UNetUpBlock> up_blocks;
    private readonly MidBlock? mid_block;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;
    private readonly Func<Tensor, ScalarType, Tensor>? _embedClass;

    internal UNet(DenoiserConfig config, UNetPlan plan)
        : base(nameof(UNet))
    {
        (Config, _plan) = (config, plan);
        var (style, embedding, width) = (plan.Style, plan.Embedding, plan.Down[0].Channels);
        conv_in = new Conv2d(plan.InChannels, width, plan.ConvInKernel, padding: (plan.ConvInKernel - 1) / 2);
        time_proj = embedding.Times();
        time_embedding = new TimestepEmbedding(embedding.TimeFeatures, embedding.Channels, embedding.Activation, embedding.PostActivation, embedding.GuidanceChannels);
        encoder_hid_proj = embedding.TokenChannels is { } tokens ? new Linear(tokens, embedding.ContextChannels) : null;
        (class_embedding, _embedClass) = Classes(embedding);
        add_time_proj = embedding.Sizes?.Invoke();
        add_embedding = embedding.Sizes is null ? null : new TimestepEmbedding(embedding.AddedChannels, embedding.Channels, Activations.Of("silu"));
        down_blocks = nn.ModuleList([.. plan.Down.Select((level, i) => new UNetDownBlock(i == 0 ? width : plan.Down[i - 1].Channels, level, style, plan.DownsamplePadding))]);
        mid_block = plan.Middle is { } middle ? new MidBlock(plan.Down[^1].Channels, style, middle.Attention, middle.Blocks, middle.Scale) : null;
        up_blocks = nn.ModuleList([.. UpBlocks(plan)]);
        conv_norm_out = style.Norm(plan.Up[^1].Channels);
        conv_out = new Conv2d(plan.Up[^1].Channels, plan.OutChannels, plan.ConvOutKernel, padding: (plan.ConvOutKernel - 1) / 2);
        RegisterComponents();
    }

    public override DenoiserConfig Config { get; }

    public override Tensor forward(Tensor x, Tensor time, Conditioning condition) => WrappedTensorDisposeScope(() =>
    {
        using var perturbed = condition.PerturbedLayers is { } layers ? new PerturbedAttention(this, layers) : null;
        var times = time.expand(x.shape[0]);
        var state = new UNetState(Context(x, times, condition), condition);
        var h = state.Keep(conv_in.call(_plan.CentresInput ? 2 * x - 1 : x));
        foreach (var block in down_blocks) h = block.call(h, state);
        state.AddResiduals();
        if (mid_block is not null) h = state.AdaptMiddle(mid_block.call(h, state.Context));
        if (condition.MiddleResidual is { } residual) h = h + residual;
        foreach (var block in up_blocks) h = block.call(h, state);
        var y = conv_out.call(_plan.OutActivation.Function()(conv_norm_out.call(h)));
        return _plan.DividesByTime ? y / times.to(y.dtype).view(-1, 1, 1, 1) : y;
    });

    /// <summary>As Ho et al. 2020 and Dhariwal and Nichol 2021 begin: every branch and the output give 0.</summary>
    internal override void BeginTraining()
    {
        foreach (var block in down_blocks) block.ZeroBranches();
        mid_block?.ZeroBranches();
        foreach (var block in up_blocks) block.ZeroBranches();
        Zero.Fill(conv_out);
    }

    /// <summary>Everything that the blocks are told.</summary>
    private BlockContext Context(Tensor x, Tensor times, Conditioning condition)
    {
        var type = x.dtype;
        var embedded = time_embedding.call(time_proj.call(times).to(type), condition.GuidanceEmbedding?.to(type));
        embedded = WithClasses(embedded, condition);
        embedded = WithSizes(embedded, condition);
        if (_plan.Embedding.SumActivation is { } activation) embedded = activation(embedded);
        return new BlockContext
        {
            Time = _plan.Style.Activation.Function()(embedded),
            Tokens = Tokens(condition, type),
            TokenBias = condition.TokenMask is { } mask ? Attention.BiasOf(mask, type) : null,
            Checkpoint = CheckpointBlocks,
        };
    }

    private Tensor WithClasses(Tensor embedded, Conditioning condition)
    {
        if ((_embedClass is null) != (condition.Classes is null))
            throw new ArgumentException(_embedClass is null ? "Classes were given to a network that knows none." : "The network was trained with classes: give Conditioning.Classes.", nameof(condition));
        if (_embedClass is null) return embedded;
        var classes = _embedClass(condition.Classes!, embedded.dtype).to(embedded.dtype);
        return _plan.Embedding.ConcatenatesClasses ? cat([embedded, classes], -1) : embedded + classes;
    }

    /// <summary>SDXL's added conditions (Podell et al. 2023): sizes in pixels, embedded each like a time, behind the pooled text.</summary>
    private Tensor WithSizes(Tensor embedded, Conditioning condition)
    {
        if (add_time_proj is null || add_embedding is null) return embedded;
        if (condition is not { Pooled: { } pooled, Sizes: { } sizes })
            throw new ArgumentException("The network was trained with a pooled text embedding and sizes: give Conditioning.Pooled and Conditioning.Sizes.", nameof(condition));
        var waves = add_time_proj.call(sizes.flatten()).view(sizes.shape[0], -1);
        return embedded + add_embedding.call(cat([pooled, waves.to(pooled.dtype)], -1).to(embedded.dtype), null);
    }

    private Tensor? Tokens(Conditioning condition, ScalarType type)
    {
        if (_plan.Embedding.ContextChannels == 0) return null;
        return condition.Tokens is { } tokens
            ? tokens.to(type).Through(encoder_hid_proj)
            : throw new ArgumentException("The network attends to tokens: give Conditioning.Tokens.", nameof(condition));
    }

    private (nn.Module?, Func<Tensor, ScalarType, Tensor>?) Classes(EmbeddingPlan plan)
    {
        switch (plan.Classes)
        {
            case ClassEmbedding.None:
                return (null, null);
            case ClassEmbedding.Identity:
                return (null, (classes, _) => classes);
            case ClassEmbedding.Table:
                var table = new Embedding(plan.ClassInputs, plan.Channels);
                return (table, (classes, _) => table.call(classes));
            case ClassEmbedding.SimpleProjection:
                var linear = new Linear(plan.ClassInputs, plan.Channels);
                return (linear, (classes, type) => linear.call(classes.to(type)));
            case var kind:
                var isTime = kind == ClassEmbedding.Timestep;
                var mlp = new TimestepEmbedding(isTime ? plan.TimeFeatures : plan.ClassInputs, plan.Channels, isTime ? plan.Activation : Activations.Of("silu"));
                return (mlp, (classes, type) => mlp.call((isTime ? time_proj.call(classes) : classes).to(type), null));
        }
    }

    /// <summary>The levels of the way up; each layer takes the skips from the end: those of the level across, and last the one below it on the way down.</summary>
    private static IEnumerable<UNetUpBlock> UpBlocks(UNetPlan plan)
    {
        var skips = new Stack<int>(plan.Down.SelectMany((level, i) => Enumerable.Repeat(level.Channels, level.Sampling == Sampling.None ? level.Layers : level.Layers + 1)).Prepend(plan.Down[0].Channels));
        var channels = plan.Down[^1].Channels;
        foreach (var (level, i) in plan.Up.Select((level, i) => (level, i)))
        {
            yield return new UNetUpBlock(i, channels, [.. Enumerable.Range(0, level.Layers).Select(_ => skips.Pop())], level, plan.Style);
            channels = level.Channels;
        }
    }
}
