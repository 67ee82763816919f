using BillingPortal.Commands;

namespace BillingPortal.Tests.Commands;

public sealed class WordsTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("serve --urls http://localhost:5000", "serve")]
    [InlineData("--urls http://localhost:5000", "")]
    [InlineData("--urls=http://localhost:5000 --environment Production", "")]
    [InlineData("--Data:Directory /tmp migrate --print", "migrate")]
    [InlineData("catalog import --dry-run file.json", "catalog import file.json")]
    public void What_belongs_to_a_setting_is_no_command(string line, string words) =>
        Assert.Equal(words, string.Join(' ', CommandsSlice.Words(line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
}
