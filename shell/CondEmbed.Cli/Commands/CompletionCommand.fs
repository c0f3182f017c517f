/// `condembed completion`: prints the script with which a shell completes the program's commands.
module CondEmbed.Cli.CompletionCommand

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
    match arguments.GetResult CompletionArgument.Shell with
    | Shell.Bash -> Shells.bash
    | Shell.Zsh -> Shells.zsh
    | Shell.Fish -> Shells.fish
    | _ -> Shells.powershell
    |> Output.result
