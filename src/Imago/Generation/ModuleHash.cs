using System.Security.Cryptography;
using System.Text;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Weights of networks as part of the key of what was computed with them.</summary>
internal static class ModuleHash
{
    /// <summary>Adds names and numbers of all weights.</summary>
    internal static void Add(IncrementalHash hash, nn.Module module)
    {
        using var stream = new HashStream(hash);
        using var scope = NewDisposeScope();
        foreach (var (name, value) in module.state_dict())
        {
            stream.Write(Encoding.UTF8.GetBytes(name));
            SafetensorsWriter.WriteElements(stream, value);
        }
    }

    /// <summary>What is written is hashed.</summary>
    private sealed class HashStream(IncrementalHash hash) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => hash.AppendData(buffer, offset, count);

        public override void Write(ReadOnlySpan<byte> buffer) => hash.AppendData(buffer);
    }
}
