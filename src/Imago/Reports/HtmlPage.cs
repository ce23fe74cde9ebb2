using System.Globalization;
using System.Net;
using System.Text;
using Imago.Weights;

namespace Imago.Reports;

/// <summary>
/// A report as one self-contained HTML file: text, tables, pictures (embedded) and charts (SVG), readable in light and dark, on paper and on
/// telephones, with no script and nothing loaded from elsewhere.
/// </summary>
public sealed class HtmlPage
{
    private readonly StringBuilder _body = new();
    private readonly List<(string Anchor, string Title)> _sections = [];
    private readonly string _title;
    private readonly string _subtitle;

    /// <summary>Starts a page.</summary>
    /// <param name="title">The heading and the browser's title.</param>
    /// <param name="subtitle">One sentence under the heading.</param>
    public HtmlPage(string title, string subtitle)
    {
        _title = title;
        _subtitle = subtitle;
    }

    /// <summary>Starts a numbered section, listed in the table of contents.</summary>
    public void Section(string title)
    {
        var anchor = $"s{_sections.Count + 1}";
        _sections.Add((anchor, title));
        _body.Append(CultureInfo.InvariantCulture, $"<h2 id=\"{anchor}\"><span>{_sections.Count}</span>{Text(title)}</h2>\n");
    }

    /// <summary>A paragraph of plain text; <c>*stars*</c> emphasise and <c>`backticks`</c> mark code.</summary>
    public void Paragraph(string text) => _body.Append("<p>").Append(Inline(text)).Append("</p>\n");

    /// <summary>An equation or a command, set apart, as it stands.</summary>
    public void Display(string text) => _body.Append("<pre>").Append(Text(text)).Append("</pre>\n");

    /// <summary>The one figure to remember of a section.</summary>
    /// <param name="figures">Value and what it is.</param>
    public void Figures(params (string Value, string Meaning)[] figures)
    {
        _body.Append("<div class=\"figures\">");
        foreach (var (value, meaning) in figures) _body.Append(CultureInfo.InvariantCulture, $"<div><b>{Text(value)}</b><span>{Text(meaning)}</span></div>");
        _body.Append("</div>\n");
    }

    /// <summary>A picture with its caption.</summary>
    /// <param name="image">The encoded file.</param>
    /// <param name="mediaType"><c>image/png</c>, <c>image/gif</c>, ….</param>
    /// <param name="caption">What to see in it.</param>
    public void Picture(byte[] image, string mediaType, string caption) => _body.Append(CultureInfo.InvariantCulture,
        $"<figure><img src=\"data:{mediaType};base64,{Convert.ToBase64String(image)}\" alt=\"{Text(caption)}\"><figcaption>{Inline(caption)}</figcaption></figure>\n");

    /// <summary>A chart with its caption.</summary>
    public void Chart(SvgChart chart, string caption) =>
        _body.Append("<figure>").Append(chart.ToSvg()).Append("<figcaption>").Append(Inline(caption)).Append("</figcaption></figure>\n");

    /// <summary>A table; the first column is left-aligned, the others right.</summary>
    public void Table(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        _body.Append("<div class=\"wide\"><table><thead><tr>");
        foreach (var cell in header) _body.Append("<th>").Append(Inline(cell)).Append("</th>");
        _body.Append("</tr></thead><tbody>");
        foreach (var row in rows)
        {
            _body.Append("<tr>");
            foreach (var cell in row) _body.Append("<td>").Append(Inline(cell)).Append("</td>");
            _body.Append("</tr>");
        }
        _body.Append("</tbody></table></div>\n");
    }

    /// <summary>The whole file.</summary>
    public override string ToString()
    {
        var contents = string.Concat(_sections.Select(section => $"<a href=\"#{section.Anchor}\">{Text(section.Title)}</a>"));
        return $"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
            <title>{Text(_title)}</title>
            <style>
            {Style}
            </style></head><body>
            <header><h1>{Text(_title)}</h1><p>{Text(_subtitle)}</p><nav>{contents}</nav></header>
            <main>
            {_body}</main></body></html>

            """;
    }

    /// <summary>Writes the file under a temporary name and renames it.</summary>
    /// <exception cref="ImagoException">The file cannot be written; what stood there before is as it was.</exception>
    public void Save(string path) => AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(ToString())));

    internal static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string Inline(string text)
    {
        var code = string.Concat(Text(text).Split('`').Select((part, i) => i % 2 == 1 ? $"<code>{part}</code>" : Emphasis(part)));
        return code;

        static string Emphasis(string part) => string.Concat(part.Split('*').Select((piece, i) => i % 2 == 1 ? $"<em>{piece}</em>" : piece));
    }

    private const string Style = """
        :root{--ink:#1d2330;--soft:#5b6472;--paper:#fbfaf7;--card:#fff;--line:#e4e0d8;--accent:#c2562d}
        @media(prefers-color-scheme:dark){:root{--ink:#e8e6e1;--soft:#a2a8b3;--paper:#16181d;--card:#1f2229;--line:#343841;--accent:#f0905f}}
        *{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 Georgia,"Iowan Old Style","Times New Roman",serif}
        header,main{max-width:60rem;margin:auto;padding:0 1.25rem}header{padding-top:3.5rem}
        h1{font-size:2.5rem;line-height:1.15;margin:0 0 .5rem}header p{color:var(--soft);font-size:1.15rem;margin:0 0 1.5rem;max-width:46rem}
        nav{display:flex;flex-wrap:wrap;gap:.35rem .5rem;font:14px/1.5 system-ui,sans-serif}
        nav a{color:var(--ink);text-decoration:none;border:1px solid var(--line);border-radius:1rem;padding:.1rem .75rem;background:var(--card)}
        h2{font-size:1.55rem;line-height:1.25;margin:3.5rem 0 .75rem}h2 span{color:var(--accent);margin-right:.75rem}
        p{max-width:44rem}code{font:.88em ui-monospace,Menlo,Consolas,monospace;background:var(--card);border:1px solid var(--line);border-radius:.3rem;padding:0 .25rem}
        pre{font:15px/1.5 ui-monospace,Menlo,Consolas,monospace;background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem;overflow-x:auto}
        figure{margin:1.5rem 0;background:var(--card);border:1px solid var(--line);border-radius:.8rem;padding:1rem;overflow-x:auto}
        figure img,figure svg{display:block;max-width:100%;height:auto;margin:auto;border-radius:.3rem}figcaption{color:var(--soft);font:15px/1.5 system-ui,sans-serif;margin-top:.75rem}
        .figures{display:flex;flex-wrap:wrap;gap:1rem;margin:1.25rem 0}.figures div{flex:1 1 9rem;background:var(--card);border:1px solid var(--line);border-radius:.8rem;padding:.7rem 1rem}
        .figures b{display:block;font:600 1.6rem/1.2 system-ui,sans-serif;color:var(--accent)}.figures span{color:var(--soft);font:14px/1.4 system-ui,sans-serif}
        .wide{overflow-x:auto}table{border-collapse:collapse;font:15px/1.5 system-ui,sans-serif;margin:1rem 0}th,td{padding:.35rem .9rem;border-bottom:1px solid var(--line);text-align:right}
        th:first-child,td:first-child{text-align:left;padding-left:0}th{color:var(--soft);font-weight:600}main{padding-bottom:5rem}
        """;
}
