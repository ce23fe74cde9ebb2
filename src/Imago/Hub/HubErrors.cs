using System.Net;

namespace Imago.Hub;

/// <summary>The hub's refusals in words that say what to do.</summary>
internal static class HubErrors
{
    /// <summary>What an answer refuses; <see langword="null"/> if it does not, or if trying again may help.</summary>
    internal static HubException? Of(HttpResponseMessage response, HubId id, HubSettings settings)
    {
        var (code, message) = (Header(response, "X-Error-Code"), Header(response, "X-Error-Message"));
        var page = $"{settings.Endpoint.ToString().TrimEnd('/')}/{id.Repository}";
        return response.StatusCode switch
        {
            < HttpStatusCode.BadRequest => null,
            _ when code == "GatedRepo" || message?.Contains("gated", StringComparison.OrdinalIgnoreCase) is true => new(Gated(id, settings, page)),
            _ when code == "RevisionNotFound" => new($"{id.Repository} has no revision '{id.Revision}'; its branches and tags are listed at {page}/tree/main."),
            _ when code == "EntryNotFound" => new($"{id.Repository} has no such file at {id.Revision}: {response.RequestMessage?.RequestUri?.AbsolutePath}. Its files are listed at {page}/tree/{id.Revision}."),
            _ when message?.Contains("disabled", StringComparison.OrdinalIgnoreCase) is true => new($"{id.Repository} was closed by {settings.Endpoint.Host}: {message}"),
            HttpStatusCode.Unauthorized when settings.Token is not null && code != "RepoNotFound" =>
                new($"{settings.Endpoint.Host} does not accept the token of {settings.TokenSource}: make a new one at {Tokens(settings)}, or take the old one away for models that are open to all."),
            HttpStatusCode.Unauthorized or HttpStatusCode.NotFound => new(Absent(id, settings)),
            HttpStatusCode.Forbidden => new($"{settings.Endpoint.Host} refuses access to {id.Repository}{(message is null ? "" : $": {message}")}. {(settings.Token is null ? Login(settings) : $"The token of {settings.TokenSource} may not read it.")}"),
            _ => null,
        };
    }

    private static string Gated(HubId id, HubSettings settings, string page) => settings.Token is null
        ? $"{id.Repository} is given to those only who accept its terms: do that at {page}. {Login(settings)}"
        : $"{id.Repository} is given to those only who accept its terms, and the account behind the token of {settings.TokenSource} has not, or is not admitted yet: do that at {page}. A fine-grained token also needs the right to read gated repositories.";

    private static string Absent(HubId id, HubSettings settings) =>
        $"{settings.Endpoint.Host} has no model {id.Repository}, or it is private. Check the spelling{(settings.Token is null ? $"; for a private model: {Login(settings)}" : $" and whether the account behind the token of {settings.TokenSource} may read it.")}";

    private static string Login(HubSettings settings) => $"Make a token at {Tokens(settings)} and set HF_TOKEN to it.";

    private static string Tokens(HubSettings settings) => $"{settings.Endpoint.ToString().TrimEnd('/')}/settings/tokens";

    /// <summary>A header for a terminal: one line, not long.</summary>
    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) && values.FirstOrDefault() is { } value ? string.Concat(value.Where(c => !char.IsControl(c)).Take(300)) : null;
}
