module CondEmbed.Tests.ConfigTests

open Expecto

let tests = testList "Config" []
