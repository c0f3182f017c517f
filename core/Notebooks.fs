// How notebooks show values, without a dependency on what runs them.
namespace CondEmbed.Notebooks

open System
open System.Collections.Generic
open System.IO
open System.Net

/// Says of a type how it is to be shown. .NET Interactive (Polyglot Notebooks) looks for an attribute of this name, whoever defines it.
[<Sealed; AttributeUsage(AttributeTargets.Class ||| AttributeTargets.Struct)>]
type TypeFormatterSourceAttribute(source: Type) =
    inherit Attribute()
    member _.FormatterSourceType = source

/// What .NET Interactive expects of a formatter: a MIME type, and whether it wrote the value.
[<Sealed>]
type TextFormatter(mime: string, around: string -> string) =
    member _.MimeType = mime

    member _.Format(value: obj, writer: TextWriter) =
        writer.Write(around (string value))
        true

/// Shows a value as its ToString has it: in notebooks in a fixed pitch, so that columns stay in line.
[<Sealed>]
type AsText() =
    member _.CreateTypeFormatters() : IEnumerable<obj> =
        [ TextFormatter("text/plain", id)
          TextFormatter("text/html", fun text -> $"<pre style=\"text-align:left\">{WebUtility.HtmlEncode text}</pre>") ]
