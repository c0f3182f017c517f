/// `condembed completion`: prints the script with which a shell completes the program's commands.
module CondEmbed.Cli.CompletionCommand

open System.IO
open Argu

/// The shells, under the names that a user types.
type Shell =
    | Bash = 0
    | Zsh = 1
    | Fish = 2
    | Powershell = 3

[<RequireQualifiedAccess>]
type CompletionArgument =
    | [<MainCommand; Mandatory; Unique; Help "the shell whose script to print; docs/cli.md says where to put it">] Shell of SHELL: Shell

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

let examples =
    [ "source <(condembed completion bash)", "for this shell; in ~/.bashrc for every one"
      "condembed completion fish > ~/.config/fish/completions/condembed.fish", "for fish" ]

let run (arguments: ParseResults<CompletionArgument>) =
    let shell = (string (arguments.GetResult CompletionArgument.Shell)).ToLowerInvariant()
    use script = new StreamReader(typeof<Shell>.Assembly.GetManifestResourceStream $"condembed.{shell}")
    Output.result (script.ReadToEnd().TrimEnd())
