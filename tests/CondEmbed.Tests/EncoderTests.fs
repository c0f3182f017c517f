module CondEmbed.Tests.EncoderTests

open Expecto

let tests = testList "Encoder" []
