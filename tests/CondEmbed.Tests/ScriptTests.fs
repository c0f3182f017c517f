module CondEmbed.Tests.ScriptTests

open Expecto

let tests = testList "Script" []
