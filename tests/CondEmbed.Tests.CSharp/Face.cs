namespace CondEmbed.Tests.CSharp;

/// <summary>What a C# user writes, compiled as C#.</summary>
public static class Face;
