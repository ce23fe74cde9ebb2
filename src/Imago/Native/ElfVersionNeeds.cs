using System.Buffers.Binary;
using System.Text;

namespace Imago;

/// <summary>
/// The version requirements of a 64-bit little-endian ELF library (section <c>.gnu.version_r</c>): which versions of which other library its
/// symbols ask for. System V gABI, and the GNU symbol versioning of U. Drepper, "ELF Symbol Versioning".
/// </summary>
internal static class ElfVersionNeeds
{
    private const ushort Weak = 2;                                // VER_FLG_WEAK: the loader does not fail when the version is missing
    private const int SectionTypeRela = 4, SectionTypeVerneed = 0x6ffffffe, SectionTypeVersym = 0x6fffffff, SectionTypeDynsym = 11;

    /// <summary>The names of the versions required of <paramref name="library"/>.</summary>
    internal static IReadOnlyList<string> Read(byte[] elf, string library) => [.. Entries(elf, library).Select(entry => entry.Name)];

    /// <summary>Marks one requirement as weak, in place, provided that no relocation uses a symbol of that version.</summary>
    /// <exception cref="InvalidDataException">The layout is unknown, the version is not required, or one of its symbols is really used.</exception>
    internal static void MakeWeak(byte[] elf, string library, string version)
    {
        var entry = Entries(elf, library).FirstOrDefault(e => e.Name == version);
        if (entry.Name is null) throw new InvalidDataException($"{version} is not among the requirements");
        if (UsedSymbol(elf, entry.Index) is { } symbol) throw new InvalidDataException($"its symbol {symbol} is in use");
        BinaryPrimitives.WriteUInt16LittleEndian(elf.AsSpan(entry.Offset + 4), (ushort)(entry.Flags | Weak));
    }

    private readonly record struct Entry(string Name, int Offset, ushort Flags, ushort Index);

    private readonly record struct Section(int Type, int Offset, int Size, int Link, int EntrySize);

    private static List<Entry> Entries(byte[] elf, string library)
    {
        var sections = Sections(elf);
        var needs = sections.FirstOrDefault(section => section.Type == SectionTypeVerneed);
        if (needs.Size == 0) throw new InvalidDataException("it has no table of version requirements");
        var names = sections[needs.Link];
        var entries = new List<Entry>();
        for (int file = needs.Offset; ;)
        {
            var isWanted = Name(elf, names, (int)U32(elf, file + 4)) == library;
            var aux = file + (int)U32(elf, file + 8);
            for (int i = 0; i < U16(elf, file + 2); i++, aux += (int)U32(elf, aux + 12))
            {
                if (isWanted) entries.Add(new Entry(Name(elf, names, (int)U32(elf, aux + 8)), aux, U16(elf, aux + 4), U16(elf, aux + 6)));
            }
            var next = (int)U32(elf, file + 12);
            if (next == 0) return entries;
            file += next;
        }
    }

    /// <summary>A symbol of the version that some relocation refers to, or null.</summary>
    private static string? UsedSymbol(byte[] elf, ushort version)
    {
        var sections = Sections(elf);
        var symbols = sections.First(section => section.Type == SectionTypeDynsym);
        var versions = sections.First(section => section.Type == SectionTypeVersym);
        foreach (var relocations in sections.Where(section => section.Type == SectionTypeRela))
        {
            for (int at = relocations.Offset; at < relocations.Offset + relocations.Size; at += relocations.EntrySize)
            {
                var symbol = (int)U32(elf, at + 12);
                if (symbol != 0 && (U16(elf, versions.Offset + 2 * symbol) & 0x7fff) == version)
                {
                    return Name(elf, sections[symbols.Link], (int)U32(elf, symbols.Offset + symbol * symbols.EntrySize));
                }
            }
        }
        return null;
    }

    private static Section[] Sections(byte[] elf)
    {
        if (elf.Length < 64 || !elf.AsSpan(0, 6).SequenceEqual<byte>([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1]))
            throw new InvalidDataException("it is not a 64-bit little-endian ELF file");
        var table = checked((int)U64(elf, 40));
        var size = U16(elf, 58);
        var sections = new Section[U16(elf, 60)];
        for (int i = 0; i < sections.Length; i++)
        {
            var at = table + i * size;
            sections[i] = new Section((int)U32(elf, at + 4), (int)U64(elf, at + 24), (int)U64(elf, at + 32), (int)U32(elf, at + 40), (int)U64(elf, at + 56));
        }
        return sections;
    }

    private static string Name(byte[] elf, Section strings, int offset)
    {
        var text = elf.AsSpan(strings.Offset + offset);
        return Encoding.ASCII.GetString(text[..text.IndexOf((byte)0)]);
    }

    private static ushort U16(byte[] elf, int at) => BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(at));

    private static uint U32(byte[] elf, int at) => BinaryPrimitives.ReadUInt32LittleEndian(elf.AsSpan(at));

    private static ulong U64(byte[] elf, int at) => BinaryPrimitives.ReadUInt64LittleEndian(elf.AsSpan(at));
}
