/// Small studies for the tests.
module CondEmbed.Tests.StudySupport

open CondEmbed.Tests.RunSupport

/// Two arms with two seeds on a few real images.
let study more arms =
    [ "seeds = 2"
      yield! more
      "[base]"
      $"data = '{imageFolder.Value}'"
      for key, value in tiny do
          $"{key} = {CondEmbed.Options.TomlSettings.Literal value}"
      yield! arms ]
    |> String.concat "\n"

let two = [ "[arms.baseline]"; "levels = 0"; "[arms.conditional]"; "levels = 1" ]
