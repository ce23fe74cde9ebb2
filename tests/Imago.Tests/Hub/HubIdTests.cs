using Imago.Hub;

namespace Imago.Tests;

public sealed class HubIdTests
{
    [Theory]
    [InlineData("acme/tiny", "acme/tiny", "main", null)]
    [InlineData("acme/tiny@v1.0", "acme/tiny", "v1.0", null)]
    [InlineData("acme/tiny@refs/pr/7", "acme/tiny", "refs/pr/7", null)]
    [InlineData("hf://acme/tiny", "acme/tiny", "main", null)]
    [InlineData("acme/tiny/sd.safetensors", "acme/tiny", "main", "sd.safetensors")]
    [InlineData("acme/tiny/unet/model.bin", "acme/tiny", "main", "unet/model.bin")]
    [InlineData("https://huggingface.co/acme/tiny", "acme/tiny", "main", null)]
    [InlineData("https://huggingface.co/acme/tiny/tree/v2", "acme/tiny", "v2", null)]
    [InlineData("https://hf.co/acme/tiny/blob/main/unet/a%20b.bin", "acme/tiny", "main", "unet/a b.bin")]
    public void Id_IsRead(string text, string repository, string revision, string? file)
    {
        Assert.True(HubId.TryParse(text, null, out var id));
        Assert.Equal(new HubId(repository, revision, file), id);
    }

    [Theory]
    [InlineData("tiny")]
    [InlineData("./acme/tiny")]
    [InlineData("/acme/tiny")]
    [InlineData("../tiny")]
    [InlineData("acme/..")]
    [InlineData("acme/ti--ny")]
    [InlineData("acme/tiny.git")]
    [InlineData("acme/ti\nny")]
    [InlineData("acme/tiny\n")]
    [InlineData("acme\\tiny")]
    [InlineData("acme/tiny/../../x")]
    [InlineData("acme/tiny//x")]
    [InlineData("acme/tiny/")]
    [InlineData("acme/tiny/C:x")]
    [InlineData("acme/tiny/nul.txt")]
    [InlineData("https://example.com/acme/tiny")]
    [InlineData("C:\\models\\tiny")]
    public void OtherText_IsNoId(string text) => Assert.False(HubId.TryParse(text, null, out _));

    [Theory]
    [InlineData("")]
    [InlineData("../x")]
    [InlineData("a/../b")]
    [InlineData("a//b")]
    [InlineData("/a")]
    [InlineData("a b")]
    [InlineData("-a")]
    [InlineData("a\n")]
    [InlineData("a\\b")]
    public void Revision_ThatCannotBeOne_IsRefused(string revision) => Assert.Throws<ArgumentException>(() => HubId.TryParse("acme/tiny", revision, out _));

    [Fact]
    public void Revision_GivenTwice_IsRefused_UnlessTheSame()
    {
        Assert.Throws<ArgumentException>(() => HubId.TryParse("acme/tiny@a", "b", out _));
        Assert.True(HubId.TryParse("acme/tiny@a", "a", out var id));
        Assert.Equal("a", id.Revision);
    }
}
