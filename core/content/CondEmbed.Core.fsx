// F# Interactive runs this file of the package by itself at #r "nuget: CondEmbed" (or CondEmbed.Core): a tensor is shown in one line.
fsi.AddPrinter CondEmbed.Show.tensor
