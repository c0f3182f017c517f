module CondEmbed.Tests.CheckpointTests

open Expecto

let tests = testList "Checkpoint" []
