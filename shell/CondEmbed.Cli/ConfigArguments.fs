/// What can be said to `condembed config`.
module CondEmbed.Cli.ConfigArguments

open Argu

[<RequireQualifiedAccess>]
type ConfigArgument =
    | [<MainCommand; Unique>] File of FILE: string
    | [<Unique>] Init
    | [<Unique>] Check
    | [<Unique>] Show
    | [<Unique>] Reference
    | [<Unique>] Markdown
    | [<Unique>] Encoder of NAME: string
    | Set of KEY_VALUE: string
    | [<Unique>] Force

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | File _ -> "a TOML file of settings; --check also takes a study's"
            | Init ->
                "write FILE (condembed.toml) with every setting, its default, meaning and what it takes; the few that most runs change stand ready"
            | Check -> "say everything that is wrong with FILE, with its lines, and train nothing"
            | Show -> "print all settings as they come to be from FILE and --set; that is a file of settings itself"
            | Reference -> "print every setting with its type, defaults, what it takes, meaning and names"
            | Markdown -> "of --reference: as the page docs/settings.md"
            | Encoder _ -> "of --init and --show: whose usual settings to start from"
            | Set _ -> "of --show: a setting over those of the file, as in --set batch=32; may be given often"
            | Force -> "of --init: write over a file that is there"

let examples =
    [ "condembed config --init run.toml --encoder resnet50", "a file to start from, with everything that can be set"
      "condembed config --check run.toml", "is it sound?"
      "condembed config --show run.toml --set batch=32", "what a run would use"
      "condembed config --reference", "what can be set" ]
