using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Imago.Data;
using Imago.Generation.Pipelines;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>
/// Captions as frozen text encoders read them, each read once and kept in <see cref="ImagoFolders.Cache"/> under a hash of the encoders: fp16, mapped, so that a run holds the
/// pages in use and at most <see cref="MostPendingBytes"/> of what is not written yet. Files are only ever added, so that several runs can share them.
/// </summary>
internal sealed class PromptStore : IDisposable
{
    private const string Format = "prompts 1", Keys = "keys", Tokens = "tokens", Pooled = "pooled";
    private const int KeyBytes = 16;
    private const long MostPendingBytes = 32 << 20;
    private readonly PromptConditioner _encoder;
    private readonly string _folder;
    private readonly Dictionary<UInt128, (Tensor Tokens, Tensor? Pooled)> _known = [];
    private readonly List<(UInt128 Key, Tensor Tokens, Tensor? Pooled)> _pending = [];
    private readonly List<Tensor> _mapped = [];
    private long _pendingBytes;

    internal PromptStore(PromptConditioner encoder)
    {
        _encoder = encoder;
        _folder = Directory.CreateDirectory(Path.Combine(ImagoFolders.Cache, "prompts", KeyOf(encoder))).FullName;
        foreach (var path in Directory.EnumerateFiles(_folder, "*.safetensors").Order(StringComparer.Ordinal)) Take(path);
    }

    /// <summary>Signs are text in captions: what is too long for an encoder is cut off.</summary>
    internal static PromptReading Reading { get; } = PromptReading.Usual with { Grammar = PromptGrammar.Plain };

    /// <summary>Encodes captions.</summary>
    /// <param name="captions">One for each picture; null for saying nothing.</param>
    /// <param name="device">Where the result lives.</param>
    /// <param name="type">The type of the result, which has been through float16.</param>
    internal Conditioning Read(IReadOnlyList<string?> captions, Device device, ScalarType type)
    {
        var rows = captions.Select(Row).ToList();
        return new Conditioning { Tokens = Joined(row => row.Tokens)!, Pooled = Joined(row => row.Pooled) };

        Tensor? Joined(Func<(Tensor Tokens, Tensor? Pooled), Tensor?> of) => of(rows[0]) is null ? null : stack(rows.Select(row => of(row)!)).to(type).to(device);
    }

    /// <summary>Writes what is not written yet.</summary>
    public void Dispose()
    {
        Flush();
        foreach (var tensor in _mapped) tensor.Dispose();
    }

    private (Tensor Tokens, Tensor? Pooled) Row(string? caption)
    {
        var key = ContentHash.Of(caption is null ? [] : Encoding.UTF8.GetBytes($"caption {caption}"));
        if (_known.TryGetValue(key, out var known)) return known;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        // Alone, so that its numbers do not depend on what else is in the batch.
        var read = _encoder.Encode([new Condition { Caption = caption, Reading = Reading, Sizes = ImageSizes.Whole(1, 1) }]);
        var row = (Kept(read.Tokens!), read.Pooled is { } pooled ? Kept(pooled) : null);
        _pending.Add((key, row.Item1, row.Item2));
        _pendingBytes += 2 * (row.Item1.numel() + (row.Item2?.numel() ?? 0));
        _known[key] = row;
        if (_pendingBytes < MostPendingBytes) return row;
        Flush();
        return _known[key];
    }

    private static Tensor Kept(Tensor row) => row.squeeze(0).to(float16).cpu().clone().DetachFromDisposeScope();

    private void Flush()
    {
        if (_pending.Count == 0) return;
        var path = Path.Combine(_folder, $"{Guid.NewGuid():N}.safetensors");
        using (NewDisposeScope())
        {
            var keys = _pending.Select(row => row.Key).ToArray();
            var tensors = new Dictionary<string, Tensor> { [Keys] = tensor(MemoryMarshal.AsBytes(keys.AsSpan()).ToArray()).view(keys.Length, KeyBytes), [Tokens] = stack(_pending.Select(row => row.Tokens)) };
            if (_pending[0].Pooled is not null) tensors[Pooled] = stack(_pending.Select(row => row.Pooled!));
            Safetensors.Write(path, tensors);
        }
        foreach (var (_, tokens, pooled) in _pending)
        {
            tokens.Dispose();
            pooled?.Dispose();
        }
        _pending.Clear();
        _pendingBytes = 0;
        Take(path);
    }

    /// <summary>Maps a file. One that is damaged is left alone: its captions are read again.</summary>
    private void Take(string path)
    {
        try
        {
            using var scope = NewDisposeScope();
            using var file = Safetensors.Open(path);
            var keys = MemoryMarshal.Cast<byte, UInt128>(file.Read(Keys).data<byte>().ToArray());
            var (tokens, pooled) = (file.Read(Tokens), file.Contains(Pooled) ? file.Read(Pooled) : null);
            if (tokens.shape[0] != keys.Length || (pooled is not null && pooled.shape[0] != keys.Length)) return;
            for (var row = 0; row < keys.Length; row++) _known[keys[row]] = (Mapped(tokens.select(0, row)), pooled is null ? null : Mapped(pooled.select(0, row)));
        }
        catch (CheckpointException)
        {
        }
    }

    private Tensor Mapped(Tensor row)
    {
        var kept = row.DetachFromDisposeScope();
        _mapped.Add(kept);
        return kept;
    }

    private static string KeyOf(PromptConditioner encoder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var parts = encoder.Towers.Select(tower => $"{tower.Key}|{tower.Value.IsPenultimate}|{tower.Value.Tokenizer.Count}|{tower.Value.Encoder.Config.ToJson()}");
        hash.AppendData(Encoding.UTF8.GetBytes($"{Format}|{encoder.Layout}|{Reading}|{string.Join('|', parts)}"));
        ModuleHash.Add(hash, encoder);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
