using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Imago.Models;

namespace Imago.Encoders;

/// <summary>
/// What an encoder of texts or pictures is made of. The record is the <c>config.json</c> of transformers: its keys in snake_case, its kind under
/// <c>model_type</c>, its defaults where a key is missing. Keys that change no number of an encoder (training, text generation) are read over; any other
/// unknown key is refused.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "model_type")]
[JsonDerivedType(typeof(ClipTextConfig), "clip_text_model")]
[JsonDerivedType(typeof(T5Config), "t5")]
[JsonDerivedType(typeof(ClipVisionConfig), "clip_vision_model")]
[JsonDerivedType(typeof(ClipConfig), "clip")]
[JsonDerivedType(typeof(Dinov2Config), "dinov2")]
public abstract record EncoderConfig
{
    private static readonly ConfigRules Rules = new("Encoder configuration");

    /// <summary>Names of the classes in transformers that the weights are of; <c>…WithProjection</c> has one layer more.</summary>
    public IReadOnlyList<string>? Architectures { get; init; }

    /// <summary>Throws when the values cannot make a network.</summary>
    /// <exception cref="ArgumentException">The message names the key and what it must be.</exception>
    public abstract void Validate();

    /// <summary>The record as JSON.</summary>
    public string ToJson() => ConfigJson.Write(this);

    /// <summary>Reads a <c>config.json</c> of transformers.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">The file's name, for messages.</param>
    /// <exception cref="CheckpointException">It is not valid JSON, its kind or a key is unknown, or a value is of the wrong kind.</exception>
    public static EncoderConfig Parse(string json, string source = "configuration")
    {
        var config = ReadObject(json, source);
        if (config["model_type"] is null) throw new CheckpointException($"{source}: model_type is missing, which says what network it is.");
        RemoveForeign(config);
        foreach (var part in new[] { "text_config", "vision_config" }) ReadPart(config, part);
        return ConfigJson.Read<EncoderConfig>(config.ToJsonString(), source);
    }

    /// <summary>Throws with the key's name unless <paramref name="holds"/>.</summary>
    private protected static void Require(bool holds, string key, object? got, string expected) => Rules.Require(holds, key, got, expected);

    /// <summary>What every transformer's sizes must be.</summary>
    private protected static void RequireSizes(int width, int layers, int heads, int inner)
    {
        Require(width is > 0 and <= 16384, "hidden_size", width, "between 1 and 16384");
        Require(layers is > 0 and <= 256, "num_hidden_layers", layers, "between 1 and 256");
        Require(heads is > 0 && width % heads == 0, "num_attention_heads", heads, $"a divisor of hidden_size = {width}");
        Require(inner is > 0 and <= 131072, "intermediate_size", inner, "between 1 and 131072");
    }

    /// <summary>A configuration inside another one. Old files repeat some keys under the name with _dict, and those win.</summary>
    private static void ReadPart(JsonObject config, string part)
    {
        if (config[part] is JsonObject inner)
        {
            foreach (var (key, value) in (config[$"{part}_dict"] as JsonObject ?? []).ToList()) inner[key] = value?.DeepClone();
            RemoveForeign(inner);
            inner.Remove("model_type");
        }
        config.Remove($"{part}_dict");
    }

    private static void RemoveForeign(JsonObject config)
    {
        foreach (var key in config.Select(entry => entry.Key).Where(key => key.StartsWith('_') || Foreign.Contains(key)).ToList()) config.Remove(key);
    }

    private static JsonObject ReadObject(string json, string source)
    {
        try
        {
            return JsonNode.Parse(json, documentOptions: new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }) as JsonObject
                ?? throw new CheckpointException($"{source}: not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{source}: not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Keys of transformers that change no number of an encoder: how it is trained, how a decoder would write text, how its outputs are wrapped.</summary>
    private static readonly HashSet<string> Foreign =
    [
        "add_cross_attention", "apply_layernorm", "attention_dropout", "attention_probs_dropout_prob", "bad_words_ids", "begin_suppress_tokens", "bos_token_id",
        "chunk_size_feed_forward", "classifier_dropout", "cross_attention_hidden_size", "decoder_start_token_id", "diversity_penalty", "do_sample",
        "drop_path_rate", "dropout", "dropout_rate", "dtype", "early_stopping", "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty",
        "finetuning_task", "forced_bos_token_id", "forced_eos_token_id", "hidden_dropout_prob", "id2label", "initializer_factor", "initializer_range",
        "is_decoder", "is_encoder_decoder", "label2id", "length_penalty", "max_length", "min_length", "n_positions", "no_repeat_ngram_size",
        "num_beam_groups", "num_beams", "num_decoder_layers", "num_return_sequences", "out_features", "out_indices", "output_attentions",
        "output_hidden_states", "output_past", "output_scores", "pad_token_id", "prefix", "problem_type", "pruned_heads", "remove_invalid_values",
        "repetition_penalty", "reshape_hidden_states", "return_dict", "return_dict_in_generate", "scale_decoder_outputs", "sep_token_id", "stage_names",
        "suppress_tokens", "task_specific_params", "temperature", "tf_legacy_loss", "tie_encoder_decoder", "tie_word_embeddings", "tokenizer_class", "top_k",
        "top_p", "torch_dtype", "torchscript", "transformers_version", "typical_p", "use_bfloat16", "use_cache",
    ];
}
