/// Prepares the words of a command line before Argu sees them.
module CondEmbed.Cli.Words

open CondEmbed
open CondEmbed.Options
open CondEmbed.Common

/// Settings that may be empty, because that means something, such as no weights.
let private mayBeEmpty =
    lazy
        set
            [ for pair in RunSettings.StartFor("small").Pairs() do
                  if pair.Value = "" then "--" + pair.Key.Replace('_', '-') ]

/// Refuses empty values, such as those of a variable that was never set.
let demandValues (argv: string array) =
    for at in 0 .. argv.Length - 1 do
        if argv[at].Trim() = "" then
            let before = if at > 0 then argv[at - 1] else ""

            if not (before.StartsWith "--") then
                refuse "there is an empty word on the command line, perhaps from a variable that is not set; give a value."
            elif not (mayBeEmpty.Value.Contains before) then
                refuse $"{before} '': is empty; give a value, or leave {before} out."

/// The options that every command has may also stand before it.
let commandFirst (argv: string array) =
    let rec sorted before words =
        match words with
        | "--quiet" :: command :: rest -> sorted ("--quiet" :: before) (command :: rest)
        | "--max-megapixels" :: number :: command :: rest -> sorted ("--max-megapixels" :: number :: before) (command :: rest)
        | command :: rest when not before.IsEmpty -> command :: before @ rest
        | words -> words

    sorted [] (List.ofArray argv) |> Array.ofList

/// After `--` a word that begins with a dash is a name, not an option; said so that everybody takes it for a path.
let endOptions (argv: string array) =
    match Array.tryFindIndex (fun word -> word = "--") argv with
    | None -> argv
    | Some at ->
        let names =
            [| for word in argv[at + 1 ..] do
                   if word.StartsWith '-' then "./" + word else word |]

        Array.append argv[.. at - 1] names
