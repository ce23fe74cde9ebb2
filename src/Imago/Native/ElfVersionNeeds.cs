using System.Buffers.Binary;
using System.Text;

namespace Imago;

/// <summary>
/// The version requirements of a 64-bit little-endian ELF library (section <c>.gnu.version_r</c>): which versions of which other library its
/// symbols ask for. System V gABI, and the GNU symbol versioning of U. Drepper, "ELF Symbol Versioning".
/// </summary>
/// <remarks>Reading is bounded by the file's size whatever the file says; anything unexpected is an <see cref="InvalidDataException"/>.</remarks>
internal static class ElfVersionNeeds
{
    private const ushort Weak = 2;                                // VER_FLG_WEAK: the loader does not fail when the version is missing
    private const uint TypeRela = 4, TypeDynsym = 11, TypeVerneed = 0x6ffffffe, TypeVersym = 0x6fffffff;
    private const int HeaderSize = 64, SectionSize = 64, RelaSize = 24, SymbolSize = 24, NeedSize = 16, LongestName = 1024;

    /// <summary>The names of the versions required of <paramref name="library"/>.</summary>
    /// <exception cref="InvalidDataException">The layout is unknown.</exception>
    internal static IReadOnlyList<string> Read(byte[] elf, string library) => [.. Entries(elf, library).Select(entry => entry.Name)];

    /// <summary>Marks one requirement as weak, in place, provided that no relocation uses a symbol of that version.</summary>
    /// <exception cref="InvalidDataException">The layout is unknown, the version is not required, or one of its symbols is really used.</exception>
    internal static void MakeWeak(byte[] elf, string library, string version)
    {
        var entry = Entries(elf, library).FirstOrDefault(e => e.Name == version);
        if (entry.Name is null) throw new InvalidDataException($"{version} is not among the requirements");
        if (UsedSymbol(elf, entry.Index) is { } symbol) throw new InvalidDataException($"its symbol {symbol} is in use");
        BinaryPrimitives.WriteUInt16LittleEndian(elf.AsSpan((int)entry.Offset + 4), (ushort)(entry.Flags | Weak));
    }

    private readonly record struct Entry(string Name, long Offset, ushort Flags, ushort Index);

    private readonly record struct Section(uint Type, long Offset, long Size, uint Link)
    {
        internal long End => Offset + Size;
    }

    private static List<Entry> Entries(byte[] elf, string library)
    {
        var sections = Sections(elf);
        var needs = Only(sections, TypeVerneed);
        var names = Linked(sections, needs);
        var entries = new List<Entry>();
        var unread = needs.Size / NeedSize;                       // each record is counted, so that a loop in the lists ends
        for (long file = needs.Offset, next; ; file += next)
        {
            var isWanted = Name(elf, names, U32(elf, file + 4)) == library;
            var aux = file + U32(elf, file + 8);
            for (int i = 0; i < U16(elf, file + 2); i++, aux += U32(elf, aux + 12))
            {
                if (--unread < 0) throw new InvalidDataException("its version requirements run over their table");
                if (isWanted) entries.Add(new Entry(Name(elf, names, U32(elf, aux + 8)), aux, U16(elf, aux + 4), U16(elf, aux + 6)));
            }
            next = U32(elf, file + 12);
            if (next == 0) return entries;
            if (--unread < 0) throw new InvalidDataException("its version requirements run over their table");
        }
    }

    /// <summary>A symbol of the version that some relocation refers to, or null.</summary>
    private static string? UsedSymbol(byte[] elf, ushort version)
    {
        var sections = Sections(elf);
        var symbols = Only(sections, TypeDynsym);
        var versions = Only(sections, TypeVersym);
        var relocations = sections.Where(section => section.Type == TypeRela).ToList();
        if (relocations.Sum(table => table.Size) > elf.Length) throw new InvalidDataException("its tables of relocations overlap");
        foreach (var table in relocations)
        {
            for (var at = table.Offset; at < table.End; at += RelaSize)
            {
                var symbol = U32(elf, at + 12);
                if (symbol != 0 && (U16(elf, versions.Offset + 2L * symbol) & 0x7fff) == version)
                    return Name(elf, Linked(sections, symbols), U32(elf, symbols.Offset + (long)symbol * SymbolSize));
            }
        }
        return null;
    }

    private static Section[] Sections(byte[] elf)
    {
        if (elf.Length < HeaderSize || !elf.AsSpan(0, 6).SequenceEqual<byte>([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1]))
            throw new InvalidDataException("it is not a 64-bit little-endian ELF file");
        if (U16(elf, 58) != SectionSize) throw new InvalidDataException("its section headers have an unknown size");
        var table = Offset(elf, 40);
        return [.. Enumerable.Range(0, U16(elf, 60)).Select(i => ReadSection(elf, table + i * SectionSize))];
    }

    private static Section ReadSection(byte[] elf, long at)
    {
        const uint Nothing = 0, OccupiesNothing = 8;
        var type = U32(elf, at + 4);
        if (type is Nothing or OccupiesNothing) return default;
        var section = new Section(type, Offset(elf, at + 24), Offset(elf, at + 32), U32(elf, at + 40));
        return section.End <= elf.Length ? section : throw new InvalidDataException("a section runs over the end of the file");
    }

    private static Section Only(Section[] sections, uint type) =>
        sections.Count(section => section.Type == type) == 1
            ? sections.First(section => section.Type == type)
            : throw new InvalidDataException($"it has not exactly one section of type 0x{type:x}");

    private static Section Linked(Section[] sections, Section section) =>
        section.Link < sections.Length ? sections[section.Link] : throw new InvalidDataException("a section is linked to one that is not there");

    private static string Name(byte[] elf, Section strings, uint offset)
    {
        var start = strings.Offset + offset;
        if (start >= elf.Length) throw new InvalidDataException("a name lies behind the end of the file");
        var text = elf.AsSpan((int)start, (int)Math.Min(LongestName, elf.Length - start));
        var end = text.IndexOf((byte)0);
        return end >= 0 ? Encoding.ASCII.GetString(text[..end]) : throw new InvalidDataException("a name does not end");
    }

    private static ushort U16(byte[] elf, long at) => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(elf, at, 2));

    private static uint U32(byte[] elf, long at) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(elf, at, 4));

    /// <summary>An offset or size that lies in the file.</summary>
    private static long Offset(byte[] elf, long at)
    {
        var value = BinaryPrimitives.ReadUInt64LittleEndian(Bytes(elf, at, 8));
        return value <= (ulong)elf.Length ? (long)value : throw new InvalidDataException("an offset lies behind the end of the file");
    }

    private static ReadOnlySpan<byte> Bytes(byte[] elf, long at, int count) => at >= 0 && at <= elf.Length - count
        ? elf.AsSpan((int)at, count)
        : throw new InvalidDataException("an offset lies behind the end of the file");
}
