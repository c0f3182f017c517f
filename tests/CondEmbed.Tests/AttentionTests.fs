module CondEmbed.Tests.AttentionTests

open Expecto

let tests = testList "Attention" []
