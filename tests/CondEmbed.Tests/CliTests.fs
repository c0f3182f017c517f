module CondEmbed.Tests.CliTests

open Expecto

let tests = testList "Cli" []
