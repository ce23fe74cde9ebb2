using System.Text.Json.Nodes;
using Imago.Diffusion;
using Imago.Generation.Pipelines;

namespace Imago.Generation.SingleFiles;

/// <summary>The process that a family was trained on, which no file says: the configurations that were published with it.</summary>
internal static class OriginalSchedules
{
    /// <summary>The <c>scheduler_config.json</c> of a family.</summary>
    /// <param name="family">The model.</param>
    /// <param name="prediction">What it predicts; null for what the published model does (version 2: v, as its model of 768 pixels).</param>
    internal static JsonObject Of(OriginalFamily family, Prediction? prediction)
    {
        if (family.IsTransformer()) return new JsonObject { ["_class_name"] = "FlowMatchEulerDiscreteScheduler", ["num_train_timesteps"] = 1000, ["shift"] = 3.0 };
        var config = new JsonObject
        {
            ["_class_name"] = family switch { OriginalFamily.StableDiffusion1 => "PNDMScheduler", OriginalFamily.StableDiffusion2 => "DDIMScheduler", _ => "EulerDiscreteScheduler" },
            ["num_train_timesteps"] = 1000,
            ["beta_schedule"] = "scaled_linear",
            ["beta_start"] = 0.00085,
            ["beta_end"] = 0.012,
            ["steps_offset"] = 1,
            ["timestep_spacing"] = "leading",
            ["prediction_type"] = Spelling(prediction ?? DefaultOf(family)),
        };
        if (family == OriginalFamily.StableDiffusion1) config["skip_prk_steps"] = true;
        if (!family.IsXL()) config["set_alpha_to_one"] = false;
        if (family == OriginalFamily.StableDiffusion2) config["clip_sample"] = false;
        return config;
    }

    /// <summary>A scheduler's configuration with another prediction.</summary>
    internal static PipelineComponent With(PipelineComponent scheduler, Prediction prediction)
    {
        var change = new JsonObject { ["prediction_type"] = Spelling(prediction) };
        return scheduler with { Config = SchedulerConfig.Parse(scheduler.Config!, scheduler.Source).With(change.ToJsonString()).ToJson() };
    }

    /// <summary>What the published model of a family predicts.</summary>
    internal static Prediction DefaultOf(OriginalFamily family) =>
        family.IsTransformer() ? Prediction.Flow : family == OriginalFamily.StableDiffusion2 ? Prediction.Velocity : Prediction.Epsilon;

    private static string Spelling(Prediction prediction) => prediction switch
    {
        Prediction.Epsilon => "epsilon",
        Prediction.Velocity => "v_prediction",
        Prediction.Sample => "sample",
        Prediction.Flow => "flow_prediction",
        _ => throw new ArgumentOutOfRangeException(nameof(prediction), prediction, "No such prediction."),
    };
}
