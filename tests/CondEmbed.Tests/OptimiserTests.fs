module CondEmbed.Tests.OptimiserTests

open Expecto

let tests = testList "Optimiser" []
