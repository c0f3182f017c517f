module CondEmbed.Tests.LayerTests

open Expecto

let tests = testList "Layer" []
