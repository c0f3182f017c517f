module CondEmbed.Cli.Program

[<EntryPoint>]
let main _ = 0
