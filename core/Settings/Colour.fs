/// Colours as people write them.
module CondEmbed.Colour

open System
open System.Globalization

let private names =
    Map
        [ "black", 0x000000
          "white", 0xffffff
          "grey", 0x808080
          "gray", 0x808080
          "red", 0xff0000
          "green", 0x008000
          "lime", 0x00ff00
          "blue", 0x0000ff
          "yellow", 0xffff00
          "orange", 0xffa500
          "pink", 0xffc0cb
          "magenta", 0xff00ff
          "cyan", 0x00ffff
          "purple", 0x800080
          "brown", 0xa52a2a
          "beige", 0xf5f5dc
          "silver", 0xc0c0c0 ]

/// What stands for no colour.
let isNone (text: string) = text.Trim() = "" || text.Trim().Equals("none", StringComparison.OrdinalIgnoreCase)

/// `white`, `#fff` or `#ffffff` as red * 65536 + green * 256 + blue; None for what is no colour.
let tryParse (text: string) =
    let word = text.Trim().ToLowerInvariant()
    let digits = if word.Length = 4 then String.collect (fun c -> String(c, 2)) word[1..] else word[min 1 word.Length ..]

    match Int32.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) with
    | true, number when word.StartsWith '#' && digits.Length = 6 -> Some number
    | _ -> Map.tryFind word names
