module CondEmbed.Tests.DeviceTests

open Expecto

let tests = testList "Device" []
