module CondEmbed.Tests.RunTests

open Expecto

let tests = testList "Run" []
