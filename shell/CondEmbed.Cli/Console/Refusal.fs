namespace CondEmbed.Cli

open CondEmbed.Common

[<AutoOpen>]
module Refusal =
    /// Ends the command because of something that the user gave and can correct; the message names it and the fix.
    let refuse (message: string) = raise (InputException message)
