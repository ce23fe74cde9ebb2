using System.Net;
using System.Net.Http.Headers;

namespace Imago.Hub;

/// <summary>
/// Requests as the hub wants them: with the token to the hub itself and to nobody else, redirects followed by hand so that it stays so,
/// and refusals that the hub explains as exceptions that say what to do.
/// </summary>
internal sealed class HubHandler : DelegatingHandler
{
    private const int MostRedirects = 10;

    private static readonly Lazy<SocketsHttpHandler> Sockets = new(() => new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(30),
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
    });

    private readonly HubSettings _settings;
    private readonly HubId _id;

    private HubHandler(HubSettings settings, HubId id)
        : base(Sockets.Value) => (_settings, _id) = (settings, id);

    /// <summary>A client for questions about one model.</summary>
    internal static HttpClient Client(HubSettings settings, HubId id) => new(new HubHandler(settings, id), disposeHandler: false) { Timeout = Timeout.InfiniteTimeSpan };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var address = request.RequestUri!;
        for (var redirects = 0; ; redirects++)
        {
            using var hop = Hop(request, address);
            var response = await base.SendAsync(hop, cancellationToken).ConfigureAwait(false);
            if (IsRedirect(response) && response.Headers.Location is { } location)
            {
                response.Dispose();
                if (redirects == MostRedirects) throw new HubException($"{request.RequestUri} redirects more than {MostRedirects} times; check HF_ENDPOINT.");
                address = Next(address, location);
                continue;
            }
            if (IsHub(address) && HubErrors.Of(response, _id, _settings) is { } refusal)
            {
                response.Dispose();
                throw refusal;
            }
            return response;
        }
    }

    private static bool IsRedirect(HttpResponseMessage response) =>
        response.StatusCode is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;

    private static Uri Next(Uri from, Uri location)
    {
        var next = new Uri(from, location);
        var isSafe = next.Scheme == "https" || (next.Scheme == "http" && from.Scheme == "http");
        return isSafe ? next : throw new HubException($"{from.Host} redirects to {next.Scheme}://{next.Host}, which is not as safe as itself; nothing was fetched. Check HF_ENDPOINT.");
    }

    private HttpRequestMessage Hop(HttpRequestMessage request, Uri address)
    {
        var hop = new HttpRequestMessage(request.Method, address) { Version = request.Version, VersionPolicy = request.VersionPolicy };
        hop.Headers.Range = request.Headers.Range;
        hop.Headers.UserAgent.Add(new ProductInfoHeaderValue("imago", typeof(HubHandler).Assembly.GetName().Version?.ToString(3)));
        hop.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        if (_settings.Token is { } token && IsHub(address) && (address.Scheme == "https" || address.IsLoopback)) hop.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return hop;
    }

    private bool IsHub(Uri address) => Uri.Compare(address, _settings.Endpoint, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;
}
