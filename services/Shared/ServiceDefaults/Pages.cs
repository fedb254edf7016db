using Microsoft.AspNetCore.Http;

namespace Lavka.ServiceDefaults;

/// <summary>Lists in pages.</summary>
public static class Pages
{
    /// <summary>Says where the list goes on: <c>Link: &lt;...?page=...&gt;; rel="next"</c> (RFC 8288).</summary>
    public static void LinkToNextPage(this HttpContext http, string? page)
    {
        if (page is null)
        {
            return;
        }

        var query = QueryString.Create([.. http.Request.Query.Where(pair => pair.Key != "page").Select(pair => KeyValuePair.Create(pair.Key, pair.Value)), KeyValuePair.Create("page", new Microsoft.Extensions.Primitives.StringValues(page))]);
        http.Response.Headers.Link = $"<{http.Request.Path}{query}>; rel=\"next\"";
    }
}
