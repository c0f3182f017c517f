module CondEmbed.Tests.NativeTests

open Expecto

let tests = testList "Native" []
