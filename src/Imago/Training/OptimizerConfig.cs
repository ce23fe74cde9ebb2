using System.Text.Json.Serialization;

namespace Imago.Training;

/// <summary>An optimiser's settings, as they stand in a run's <c>config.json</c>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(AdamWConfig), "adamw")]
[JsonDerivedType(typeof(AdamConfig), "adam")]
[JsonDerivedType(typeof(SgdConfig), "sgd")]
public abstract record OptimizerConfig
{
    /// <summary>The learning rate, before the schedule's factor.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Creates the optimiser for these parameters.</summary>
    public abstract Optimizer Create(IReadOnlyList<ParameterGroup> groups);

    /// <summary>Refuses settings that cannot work.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The message names the setting.</exception>
    public virtual void Validate() => ArgumentOutOfRangeException.ThrowIfNegative(LearningRate);
}

/// <summary>Adam's settings (Kingma and Ba 2015, algorithm 1).</summary>
public abstract record AdamFamilyConfig : OptimizerConfig
{
    /// <summary>Decay of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to √v̂.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentOutOfRangeException.ThrowIfNegative(Epsilon);
        foreach (var (name, beta) in new[] { (nameof(Beta1), Beta1), (nameof(Beta2), Beta2) })
        {
            if (beta is not (>= 0 and < 1)) throw new ArgumentOutOfRangeException(name, beta, "The decay of a moment must be in [0, 1).");
        }
    }
}

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).</summary>
public sealed record AdamWConfig : AdamFamilyConfig
{
    /// <summary>λ of θ ← θ(1 − lr·λ).</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <inheritdoc/>
    public override Optimizer Create(IReadOnlyList<ParameterGroup> groups) => new AdamOptimizer(groups, this, WeightDecay, decoupled: true);
}

/// <summary>Adam, with L2 regularisation inside the gradient when asked.</summary>
public sealed record AdamConfig : AdamFamilyConfig
{
    /// <summary>λ of g ← g + λθ.</summary>
    public double WeightDecay { get; init; }

    /// <inheritdoc/>
    public override Optimizer Create(IReadOnlyList<ParameterGroup> groups) => new AdamOptimizer(groups, this, WeightDecay, decoupled: false);
}

/// <summary>Stochastic gradient descent with momentum (Sutskever et al. 2013, as PyTorch states it: b ← momentum·b + g, θ ← θ − lr·b).</summary>
public sealed record SgdConfig : OptimizerConfig
{
    /// <summary>Decay of the momentum buffer; 0 keeps none.</summary>
    public double Momentum { get; init; }

    /// <summary>The gradient enters the buffer as (1 − dampening)·g, but for the first time.</summary>
    public double Dampening { get; init; }

    /// <summary>Follow g + momentum·b instead of b.</summary>
    public bool Nesterov { get; init; }

    /// <summary>λ of g ← g + λθ.</summary>
    public double WeightDecay { get; init; }

    /// <inheritdoc/>
    public override Optimizer Create(IReadOnlyList<ParameterGroup> groups) => new SgdOptimizer(groups, this);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentOutOfRangeException.ThrowIfNegative(Momentum);
        if (Nesterov && (Momentum <= 0 || Dampening != 0)) throw new ArgumentException("Nesterov momentum needs a momentum above 0 and a dampening of 0.");
    }
}
