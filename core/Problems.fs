namespace CondEmbed

open System

/// Something that the user gave is wrong and can be mended by them: a file, a line, an option. The message names it and the fix.
/// Programmers' mistakes are ArgumentExceptions instead.
type InputException(message: string) =
    inherit Exception(message)

    /// Several problems found at once, one a line.
    new(problems: seq<string>) = InputException(String.Join(Environment.NewLine, problems))
