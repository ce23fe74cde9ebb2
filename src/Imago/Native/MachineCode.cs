namespace Imago;

/// <summary>The page of x64 code between libtorch and the managed allocator (System V calling convention). See <see cref="AllocatorHook"/>.</summary>
internal static unsafe class MachineCode
{
    internal readonly struct Entries(byte* allocate, byte* deleter, byte* rawDeleter)
    {
        /// <summary>DataPtr allocate(this, size): result in rdi (hidden), this in rsi, size in rdx.</summary>
        internal byte* Allocate { get; } = allocate;

        /// <summary>void deleter(data): data in rdi.</summary>
        internal byte* Deleter { get; } = deleter;

        /// <summary>DeleterFnPtr raw_deleter(this).</summary>
        internal byte* RawDeleter { get; } = rawDeleter;
    }

    private const int PageBytes = 4096;

    /// <summary>Writes the three functions to a page of their own; null if the system allows no executable pages.</summary>
    /// <param name="allocateSlot">Address of the pointer to the managed function; a null there means: use the original.</param>
    /// <param name="releaseSlot">Address of the pointer to the managed function; a null there means: do nothing.</param>
    /// <param name="original">The allocator to fall back on.</param>
    /// <param name="originalAllocate">Its function.</param>
    /// <param name="fail">void fail(function, file, line, message), which throws.</param>
    internal static Entries? Write(void* allocateSlot, void* releaseSlot, void* original, void* originalAllocate, void* fail)
    {
        var page = Libc.Map(PageBytes);
        if (page is null) return null;

        var name = "Imago\0"u8;
        var nameAddress = page + PageBytes - name.Length;
        name.CopyTo(new Span<byte>(nameAddress, name.Length));

        byte[] useOriginal =
        [
            0x48, 0xBE, .. Address(original),           // mov rsi, original
            0x49, 0xBB, .. Address(originalAllocate),   // mov r11, originalAllocate
            0x41, 0xFF, 0xE3,                           // jmp r11
        ];
        byte[] fails =
        [
            0x48, 0x89, 0xC1,                           // mov rcx, rax          the message
            0x48, 0xBF, .. Address(nameAddress),        // mov rdi, "Imago"      the function
            0x48, 0xBE, .. Address(nameAddress),        // mov rsi, "Imago"      the file
            0x31, 0xD2,                                 // xor edx, edx          the line
            0x49, 0xBB, .. Address(fail),               // mov r11, fail
            0x41, 0xFF, 0xE3,                           // jmp r11
        ];
        byte[] call =
        [
            0x57, 0x56, 0x52,                           // push rdi; push rsi; push rdx     (and the stack is aligned to 16)
            0xFF, 0xD0,                                 // call rax
            0x5A, 0x5E, 0x5F,                           // pop rdx; pop rsi; pop rdi
            0x48, 0x85, 0xC0,                           // test rax, rax
            0x75, 0x04,                                 // jnz fails
            0x48, 0x89, 0xF8,                           // mov rax, rdi
            0xC3,                                       // ret
            .. fails,
        ];
        byte[] allocate = [.. LoadSlot(allocateSlot), 0x74, (byte)call.Length /* jz useOriginal */, .. call, .. useOriginal];
        byte[] deleter =
        [
            .. LoadSlot(releaseSlot),
            0x74, 0x02,                                 // jz to the return
            0xFF, 0xE0,                                 // jmp rax
            0xC3,                                       // ret
        ];

        var end = page;
        var entries = new Entries(Append(ref end, allocate), Append(ref end, deleter), null);
        byte[] rawDeleter = [0x48, 0xB8, .. Address(entries.Deleter), 0xC3];    // mov rax, deleter; ret
        entries = new Entries(entries.Allocate, entries.Deleter, Append(ref end, rawDeleter));
        return Libc.mprotect(page, PageBytes, Libc.ProtectionRead | Libc.ProtectionExecute) == 0 ? entries : null;
    }

    private static byte[] LoadSlot(void* slot) =>
    [
        0x48, 0xB8, .. Address(slot),                   // mov rax, slot
        0x48, 0x8B, 0x00,                               // mov rax, [rax]
        0x48, 0x85, 0xC0,                               // test rax, rax
    ];

    private static byte[] Address(void* address) => BitConverter.GetBytes((ulong)address);

    private static byte* Append(ref byte* end, byte[] code)
    {
        var start = end;
        code.CopyTo(new Span<byte>(start, code.Length));
        end += (code.Length + 15) / 16 * 16;
        return start;
    }
}
