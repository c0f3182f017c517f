/// The help that the program prints before anything else is loaded: its list of commands. A test compares it with what Argu
/// prints from the same description, which takes several times as long.
module CondEmbed.Cli.Overview

/// What each command is for, by its name, in the order of the help.
let private commands =
    [ "train", "learn embeddings from labelled images"
      "study", "compare settings with matched runs and several seeds"
      "compare", "several runs side by side: metrics, settings that differ, curves, cost"
      "card", "a run's model card: what it embeds, how well, what it learnt from, how to use it"
      "evaluate", "retrieval metrics of a run's embeddings on a data set"
      "metrics", "retrieval metrics of given embeddings"
      "embed", "embeddings of images into a file"
      "index", "images into a store for search beyond memory: PostgreSQL with pgvector, or a file"
      "search", "the most similar images of a gallery or a store"
      "explain", "where a run's levels look in two images, each in the light of the other"
      "export", "a run's network as an ONNX file, or as weights for Python"
      "loss", "value and gradients of a loss on given embeddings; --list shows every loss"
      "preview", "an image of what the network sees"
      "doctor", "versions, device, native libraries, and how to fix what is wrong"
      "weights", "what a weights file contains, weights of other programs as safetensors, and ImageNet weights"
      "import", "a network that another program trained, with its head, as a run"
      "data", "what a data set is, and what is wrong with it"
      "config", "files of settings: write a commented one, check one, show what a run would use, list all settings"
      "completion", "the script for tab completion in bash, zsh, fish or PowerShell" ]

let private options =
    [ "--quiet", "of any command: only results and errors, no progress and no notices"
      "--max-megapixels <MP>", "of any command: the largest image to read, 89.5 by default"
      "--version", "print the version" ]

/// What a command or an option of all commands is for.
let meaning name = commands @ options |> List.find (fun (known, _) -> known.TrimStart('-').Split(' ')[0] = name) |> snd

/// The help for `--help`.
[<Literal>]
let HelpMeaning = "Show this help."

/// Columns before and after the meanings.
let private indent, right = 26, 80

/// The words, wrapped before the right edge.
let private wrapped (text: string) =
    let add (lines: string list) word =
        match lines with
        | line :: above when indent + line.Length + 1 + String.length word < right -> $"{line} {word}" :: above
        | _ -> word :: lines

    text.Split ' ' |> Array.fold add [] |> List.rev

let private entry (name: string, meaning) =
    let first = $"    {name}".PadRight indent
    let below = "\n" + String.replicate indent " "
    first + String.concat below (wrapped meaning)

/// What `condembed --help` prints.
let help () =
    [ "USAGE: condembed [--help] [--quiet] [--max-megapixels <MP>] [--version]"
      "                 [<subcommand> [<options>]]"
      ""
      "SUBCOMMANDS:"
      ""
      for name, meaning in commands do
          entry ($"{name} <options>", meaning)
      ""
      "    Use 'condembed <subcommand> --help' for additional information."
      ""
      "OPTIONS:"
      ""
      for option in options @ [ "--help", HelpMeaning ] do
          entry option
      "" ]
    |> String.concat "\n"
