using System.Text;
using Imago.Weights;

namespace Imago.Images;

/// <summary>Animated GIFs. Pictures of at most 256 colours in all keep them exactly; others are dithered onto the palette of a median cut.</summary>
public static class GifFile
{
    private const int MaximumSide = 65535;

    /// <summary>Writes an animation that repeats for ever, under a temporary name that is then renamed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="frames">Pictures of one size; alpha is laid on white.</param>
    /// <param name="framesPerSecond">Speed; GIF knows hundredths of a second, and most viewers nothing above 50.</param>
    public static void Write(string path, IReadOnlyList<PixelImage> frames, double framesPerSecond)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = Encode(frames, framesPerSecond);
        AtomicFile.Write(path, stream => stream.Write(file));
    }

    /// <inheritdoc cref="Write"/>
    /// <returns>The bytes of the file.</returns>
    public static byte[] Encode(IReadOnlyList<PixelImage> frames, double framesPerSecond)
    {
        ArgumentNullException.ThrowIfNull(frames);
        if (frames.Count == 0) throw new ArgumentException("an animation needs a picture.", nameof(frames));
        if (!(framesPerSecond > 0 && framesPerSecond <= 100)) throw new ArgumentOutOfRangeException(nameof(framesPerSecond), framesPerSecond, "must be in (0, 100].");
        var (width, height) = (frames[0].Width, frames[0].Height);
        if (width > MaximumSide || height > MaximumSide) throw new ArgumentException($"{width}×{height} pixels; a GIF has at most {MaximumSide} a side.", nameof(frames));
        if (frames.FirstOrDefault(frame => frame.Width != width || frame.Height != height) is { } odd)
            throw new ArgumentException($"pictures of {width}×{height} and {odd.Width}×{odd.Height} pixels do not go into one animation.", nameof(frames));
        var colours = frames.Select(frame => ColourConversion.ToColour(frame)).ToList();
        var palette = Palette.Of(colours);
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file, Encoding.ASCII);
        writer.Write("GIF89a"u8);
        writer.Write((ushort)width);
        writer.Write((ushort)height);
        writer.Write([0xF7, 0, 0]);                                                         // a global table of 256 colours
        writer.Write(palette.Table);
        if (frames.Count > 1) writer.Write([0x21, 0xFF, 11, .. "NETSCAPE2.0"u8, 3, 1, 0, 0, 0]);     // repeat for ever
        var delay = (ushort)Math.Clamp(Math.Round(100 / framesPerSecond), 1, ushort.MaxValue);
        foreach (var frame in colours)
        {
            writer.Write([0x21, 0xF9, 4, 4, (byte)delay, (byte)(delay >> 8), 0, 0, 0x2C, 0, 0, 0, 0]);
            writer.Write((ushort)width);
            writer.Write((ushort)height);
            writer.Write([0, 8]);                                                           // no table of its own; codes begin with 9 bits
            WriteSubBlocks(writer, Compress(palette.Indices(frame)));
        }
        writer.Write((byte)0x3B);
        return file.ToArray();
    }

    private static void WriteSubBlocks(BinaryWriter writer, byte[] data)
    {
        for (var at = 0; at < data.Length; at += 255)
        {
            var length = Math.Min(255, data.Length - at);
            writer.Write((byte)length);
            writer.Write(data.AsSpan(at, length));
        }
        writer.Write((byte)0);
    }

    /// <summary>LZW with codes of 9 to 12 bits (Welch 1984), lowest bit first; a full table is cleared.</summary>
    private static byte[] Compress(byte[] indices)
    {
        const int clear = 256, end = 257, longest = 4096;
        using var output = new MemoryStream();
        var (bits, pending, size, next) = (0u, 0, 9, end + 1);
        var table = new Dictionary<int, int>();
        Emit(clear);
        var prefix = (int)indices[0];
        foreach (var index in indices.AsSpan(1))
        {
            var key = prefix << 8 | index;
            if (table.TryGetValue(key, out var code))
            {
                prefix = code;
                continue;
            }
            Emit(prefix);
            prefix = index;
            if (next < longest)
            {
                if (next == 1 << size) size++;
                table[key] = next++;
            }
            else
            {
                Emit(clear);
                table.Clear();
                (size, next) = (9, end + 1);
            }
        }
        Emit(prefix);
        Emit(end);
        if (pending > 0) output.WriteByte((byte)bits);
        return output.ToArray();

        void Emit(int code)
        {
            bits |= (uint)code << pending;
            for (pending += size; pending >= 8; pending -= 8, bits >>= 8) output.WriteByte((byte)bits);
        }
    }

    /// <summary>Up to 256 colours, and how a picture is drawn with them.</summary>
    private sealed class Palette
    {
        private const int Colours = 256;

        // Bayer's threshold matrix of order 2: the pattern stands still while a picture moves, which error diffusion does not.
        private static readonly int[] Thresholds = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5];

        private readonly Dictionary<int, byte>? _exact;
        private readonly int[] _nearest = new int[1 << 18];

        private Palette(byte[] table, Dictionary<int, byte>? exact) => (Table, _exact) = (table, exact);

        internal byte[] Table { get; }

        internal static Palette Of(IReadOnlyList<PixelImage> pictures)
        {
            var exact = new Dictionary<int, byte>();
            foreach (var picture in pictures)
            {
                for (var i = 0; i < picture.Pixels.Length && exact.Count <= Colours; i += 3) exact.TryAdd(Rgb(picture.Pixels, i), (byte)exact.Count);
            }
            if (exact.Count > Colours) return new Palette(MedianCut(Histogram(pictures)), null);
            var table = new byte[3 * Colours];
            foreach (var (rgb, index) in exact) (table[3 * index], table[3 * index + 1], table[3 * index + 2]) = ((byte)(rgb >> 16), (byte)(rgb >> 8), (byte)rgb);
            return new Palette(table, exact);
        }

        internal byte[] Indices(PixelImage picture)
        {
            var indices = new byte[picture.Width * picture.Height];
            for (var i = 0; i < indices.Length; i++)
            {
                indices[i] = _exact is not null ? _exact[Rgb(picture.Pixels, 3 * i)] : Nearest(picture.Pixels.AsSpan(3 * i, 3), Offset(i % picture.Width, i / picture.Width));
            }
            return indices;
        }

        private static int Offset(int x, int y) => Thresholds[(y & 3) * 4 + (x & 3)] - 8;

        private static int Rgb(byte[] pixels, int at) => pixels[at] << 16 | pixels[at + 1] << 8 | pixels[at + 2];

        private byte Nearest(ReadOnlySpan<byte> colour, int offset)
        {
            var (r, g, b) = (Math.Clamp(colour[0] + offset, 0, 255), Math.Clamp(colour[1] + offset, 0, 255), Math.Clamp(colour[2] + offset, 0, 255));
            ref var known = ref _nearest[(r >> 2) << 12 | (g >> 2) << 6 | b >> 2];
            if (known == 0) known = 1 + Search(r, g, b);
            return (byte)(known - 1);
        }

        private int Search(int r, int g, int b)
        {
            var (best, least) = (0, int.MaxValue);
            for (var i = 0; i < Colours; i++)
            {
                var (dr, dg, db) = (Table[3 * i] - r, Table[3 * i + 1] - g, Table[3 * i + 2] - b);
                var distance = 3 * dr * dr + 6 * dg * dg + db * db;                          // as the eye weighs them
                if (distance < least) (best, least) = (i, distance);
            }
            return best;
        }

        private static List<(byte[] Colour, int Count)> Histogram(IReadOnlyList<PixelImage> pictures)
        {
            var counts = new int[1 << 15];
            foreach (var pixels in pictures.Select(picture => picture.Pixels))
            {
                for (var i = 0; i < pixels.Length; i += 3) counts[(pixels[i] >> 3) << 10 | (pixels[i + 1] >> 3) << 5 | pixels[i + 2] >> 3]++;
            }
            return [.. from bin in Enumerable.Range(0, counts.Length) where counts[bin] > 0 select (new[] { Level(bin >> 10), Level(bin >> 5 & 31), Level(bin & 31) }, counts[bin])];
        }

        private static byte Level(int five) => (byte)(five << 3 | five >> 2);

        /// <summary>Heckbert 1982: the box with most pixels times longest side is halved at its median, until there are 256.</summary>
        private static byte[] MedianCut(List<(byte[] Colour, int Count)> histogram)
        {
            var (boxes, whole) = (new List<List<(byte[] Colour, int Count)>>(), new PriorityQueue<List<(byte[] Colour, int Count)>, double>());
            Add(histogram);
            while (boxes.Count + whole.Count < Colours && whole.TryDequeue(out var box, out _))
            {
                var axis = LongestAxis(box).Axis;
                var sorted = box.OrderBy(bin => bin.Colour[axis]).ToList();
                var (half, cut) = (sorted.Sum(bin => (long)bin.Count) / 2, 0);
                for (long sum = 0; cut < sorted.Count - 1 && (cut == 0 || sum + sorted[cut].Count <= half); cut++) sum += sorted[cut].Count;
                Add(sorted[..cut]);
                Add(sorted[cut..]);
            }
            boxes.AddRange(whole.UnorderedItems.Select(item => item.Element));
            var table = new byte[3 * Colours];
            for (var i = 0; i < boxes.Count; i++)
            {
                for (var c = 0; c < 3; c++) table[3 * i + c] = (byte)Math.Round(boxes[i].Sum(bin => (double)bin.Colour[c] * bin.Count) / boxes[i].Sum(bin => (double)bin.Count));
            }
            return table;

            void Add(List<(byte[] Colour, int Count)> box)
            {
                if (box.Count == 1) boxes.Add(box);
                else whole.Enqueue(box, -Weight(box));
            }
        }

        private static double Weight(List<(byte[] Colour, int Count)> box) => LongestAxis(box).Length * Math.Sqrt(box.Sum(bin => (double)bin.Count));

        private static (int Axis, int Length) LongestAxis(List<(byte[] Colour, int Count)> box) =>
            Enumerable.Range(0, 3).Select(axis => (axis, box.Max(bin => bin.Colour[axis]) - box.Min(bin => bin.Colour[axis]))).MaxBy(side => side.Item2);
    }
}
