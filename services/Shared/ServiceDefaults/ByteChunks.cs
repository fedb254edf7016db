namespace Lavka.ServiceDefaults;

/// <summary>Cuts what is written together by its size.</summary>
public static class ByteChunks
{
    /// <summary>The items in their order, as many together as have so many bytes at most; one that is larger is alone.</summary>
    public static IEnumerable<List<T>> ChunkByBytes<T>(this IEnumerable<T> items, int mostBytes, Func<T, int> bytesOf)
    {
        var (chunk, bytes) = (new List<T>(), 0);
        foreach (var item in items)
        {
            var more = bytesOf(item);
            if (chunk.Count > 0 && bytes + more > mostBytes)
            {
                yield return chunk;
                (chunk, bytes) = ([], 0);
            }

            chunk.Add(item);
            bytes += more;
        }

        if (chunk.Count > 0)
        {
            yield return chunk;
        }
    }
}
