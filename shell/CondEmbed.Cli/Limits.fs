/// The largest image that this process will read.
module CondEmbed.Cli.Limits

open System.Globalization
open CondEmbed
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Options

let mutable private given: string option = None

/// Takes what `--max-megapixels` says, for all images of this process.
let take (text: string) =
    match System.Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
    | true, millions when millions >= 0.001 && millions <= 536.0 ->
        given <- Some text
        SkiaDecoder.LargestByDefault <- int64 (System.Math.Round(millions * 1e6))
    | _ -> refuse $"--max-megapixels {text}: give millions of pixels from 0.001 to 536, as in --max-megapixels 120."

/// The option as a setting, for commands that have settings.
let settings () = given |> Option.map (fun text -> Given("--max-megapixels", "max_megapixels", text)) |> Option.toList

/// The limit in a run's settings applies to the commands that use its network, unless the option says otherwise.
let follow (settings: RunSettings) = if given.IsNone then SkiaDecoder.LargestByDefault <- settings.Host.MaxPixels

/// The settings with what the option says.
let over (settings: RunSettings) =
    if given.IsNone then
        settings
    else
        settings.With(fun changed -> changed.Host.MaxMegapixels <- float SkiaDecoder.LargestByDefault / 1e6)

/// Refuses the option where it would be ignored.
let demandNone how = given |> Option.iter (fun text -> refuse $"--max-megapixels {text}: {how}")
