using Microsoft.FSharp.Core;

namespace CondEmbed.Datasets;

/// <summary>What the data sets of this library have in common: a list of images that are named by their paths.</summary>
/// <param name="name">A short name for reports.</param>
/// <param name="items">The images.</param>
[StructuredFormatDisplay("{Line}")]
public abstract class ItemDataset(string name, IReadOnlyList<ImageItem> items)
{
    /// <summary>A short name for reports.</summary>
    public string Name { get; } = name;

    /// <summary>Every image with its label and role; item i is image i.</summary>
    public IReadOnlyList<ImageItem> Items { get; } = items;

    /// <summary>How many images there are.</summary>
    public int Count => Items.Count;

    /// <summary>What F# Interactive prints.</summary>
    internal string Line => ToString();

    /// <summary>The path of an image.</summary>
    public virtual string NameOf(int index) => Items[index].Path;

    /// <summary>In one line: its name, and how many images of how many classes it has.</summary>
    public sealed override string ToString() => $"{Name}: {ClassLabel.Counted([.. Items.Select(item => item.Label)])}";
}
