/// What several test files use.
module CondEmbed.Tests.Support

open System.IO

/// A file of golden values that is copied beside the test program.
let golden name =
    Path.Combine(System.AppContext.BaseDirectory, "golden", name)
